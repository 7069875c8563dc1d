/* ProbTensor's C interface: what a compiled log density is, seen from C or C++.
 *
 * A posterior has two addresses: `posterior.address`, a pt_logp_grad_fn, and
 * `posterior.context().address`, the `context` that function must be given. Any sampler or
 * optimiser may call the pair without Python and without the GIL:
 *
 *     pt_logp_grad_fn density = (pt_logp_grad_fn) address;
 *     if (density(context, q, grad, &logp) != 0) { ... }
 *
 * This header is stable: names and meanings do not change within a major version, and
 * PT_ABI_VERSION counts the incompatible changes.
 */
#ifndef PROBTENSOR_H
#define PROBTENSOR_H

#define PT_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* Log density and gradient at a point of the unconstrained space.
 *
 *   context  the bound data and one workspace. Calls that share a context must not overlap,
 *            so each thread has its own; calls with different contexts may run at once.
 *   q        dim coordinates, read only. Aligned as doubles.
 *   grad     dim values, written; does not overlap q.
 *   logp     one value, written: the log density with the log-Jacobians of the transformations,
 *            up to a constant that does not depend on q.
 *
 * Returns 0 when the density was evaluated. Then *logp may be -inf (no density here) or nan (the
 * formula has no value here), and grad is meaningful only where *logp is finite. Any other return
 * is the code of a failure inside the function, such as a workspace too small; logp and grad
 * are then undefined, and a sampler should stop.
 */
typedef int (*pt_logp_grad_fn)(void *context, const double *q, double *grad, double *logp);

#ifdef __cplusplus
}
#endif

#endif

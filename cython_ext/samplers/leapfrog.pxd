"""States of a Hamiltonian system and the steps between them; see leapfrog.pyx."""

cdef extern from "probtensor.h":
    ctypedef int (*pt_logp_grad_fn)(
        void *context, const double *q, double *grad, double *logp
    ) noexcept nogil


cdef struct State:
    double *q
    double *p
    double *grad
    double *velocity
    double logp
    double energy
    int index
    int references


cdef struct System:
    pt_logp_grad_fn density
    void *context
    Py_ssize_t dim
    Py_ssize_t padded
    double *inverse_mass
    double *momentum_scale
    double inverse_temperature  # the inverse temperature
    long long gradients
    int failure


cdef struct Pool:
    State *states
    State **free
    int size
    int n_free
    double *memory


cdef double *new_vector(Py_ssize_t padded) noexcept nogil

cdef int open_system(
    System *system, pt_logp_grad_fn density, void *context, Py_ssize_t dim
) noexcept nogil
cdef void close_system(System *system) noexcept nogil
cdef void set_inverse_mass(System *system, const double *inverse_mass) noexcept nogil

cdef int open_pool(Pool *pool, int size, Py_ssize_t padded) noexcept nogil
cdef void close_pool(Pool *pool) noexcept nogil
cdef State *take(Pool *pool) noexcept nogil
cdef void release(Pool *pool, State *state) noexcept nogil
cdef void keep_only(Pool *pool, State *state) noexcept nogil

cdef void temper(State *state, Py_ssize_t dim, double factor) noexcept nogil
cdef int evaluate(System *system, State *state) noexcept nogil
cdef void set_energy(System *system, State *state) noexcept nogil
cdef int leapfrog(
    System *system, double step_size, const State *start, State *end
) noexcept nogil

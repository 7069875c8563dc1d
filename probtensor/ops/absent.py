"""Names of other libraries, NumPy to PyTensor, that are none here: why, and what to write instead.

A reason stands once, with all names that it is the reason for.
"""

from __future__ import annotations

_OF_NUMPY = {
    "a tensor is never written to: x.at[key].set(v), .add(v) and others give another tensor": (
        "copyto"
    ),
    "the values of a tensor are known only when a compiled function is called: print, save and "
    "convert what it returns": (
        "array2string array_repr array_str base_repr binary_repr format_float_positional "
        "format_float_scientific isscalar save savetxt savez savez_compressed packbits unpackbits"
    ),
    "read or make the array with NumPy, and give it to the function, or to pt.constant": (
        "array asmatrix asarray_chkfinite bmat from_dlpack frombuffer fromfile fromiter fromregex "
        "fromstring genfromtxt load loadtxt"
    ),
    "a tensor has no order in memory: pt.asarray makes a tensor of what is none": (
        "asanyarray ascontiguousarray asfortranarray isfortran require"
    ),
    "of dtypes NumPy knows itself: np.NAME with x.dtype, as in np.finfo(x.dtype)": (
        "can_cast common_type finfo iinfo isdtype issubdtype min_scalar_type mintypecode "
        "promote_types result_type typename"
    ),
    "that is a setting or a tool of NumPy, not a function of arrays": (
        "einsum_path errstate get_include get_printoptions getbufsize geterr geterrcall info "
        "iterable mask_indices may_share_memory nested_iters nditer ndenumerate ndindex "
        "printoptions set_printoptions setbufsize seterr seterrcall shares_memory show_config "
        "show_runtime test"
    ),
    "tensors have no dates": (
        "busday_count busday_offset busdaycalendar datetime_as_string datetime_data datetime64 "
        "is_busday isnat timedelta64"
    ),
    "pt.vectorize makes functions of arrays from functions of numbers": "frompyfunc",
    "pt.polyval gives values of a polynomial; numpy.polynomial makes coefficients of data": (
        "poly poly1d polyadd polyder polydiv polyfit polyint polymul polysub roots"
    ),
    "a dtype does not depend on values: pt.real, and pt.allclose(pt.imag(x), 0), say which part "
    "matters": "real_if_close",
    "complex numbers have no order; pt.lexsort sorts by several keys": "sort_complex",
    "a dtype is given by name: dtype='float32'": (
        "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool_ "
        "complex128 complex64 double single half longdouble"
    ),
    "constants are tensors like others: pt.get_scalar_constant_value(x) gives the value of one, "
    "and raises GraphError for what is none": "TensorConstant",
    "it is another name of PyTensor's for pt.dot, of tensors that are not sparse": "dense_dot",
    "it is another name of PyTensor's for pt.linalg.inv": "matrix_inverse",
    "there is no global setting: dtypes are those of the inputs, options are arguments of "
    "pt.function": "config",
}
_OF_OTHERS = {
    "tensors are joined by pt.concatenate": "cat",
    "that is pt.trapezoid, as in NumPy 2": "trapz",
    "x @ y takes batches, as pt.matmul does": "bmm",
    "a compiled function is pt.function(inputs, outputs)": "jit",
    "gradients are graphs of pt.grad; pt.stop_gradient(x) lets none through": "no_grad detach",
    "that is pt.nn.one_hot": "one_hot",
    "approximations are pt.fit_advi, pt.fit_laplace and pt.pathfinder": (
        "fit advi ADVI FullRankADVI SVGD fit_pathfinder fit_svi"
    ),
    "the mode of a posterior is pt.find_MAP(posterior)": "find_map MAP",
    "pt.find_MAP(posterior, hessian=True).hessian has it": "find_hessian",
}
_OF_RANDOM = {
    "draws have no keys: pt.function(..., seed=1) seeds a function, and f.seed(1) does it again": (
        "key PRNGKey seed default_rng Generator RandomState"
    ),
    "that is pt.random.uniform(0, 1, shape=...)": "rand random random_sample",
    "that is pt.random.standard_normal(shape=...)": "randn",
    "that is pt.random.integers(low, high, shape=...)": "randint",
    "a tensor is never written to: pt.random.permutation(x) is another one": "shuffle",
}
_OF_LINALG = {
    "how many columns there are depends on values: those of pt.linalg.svd(a, full_matrices=True) "
    "whose singular values are above a tolerance, or not, are such a basis": "null_space orth",
    "a function of Python cannot be applied to eigenvalues of tensors: of a symmetric matrix it is "
    "(v * f(w)) @ v.mT with w, v = pt.linalg.eigh(a); expm, logm, sqrtm, cosm, ... are functions": (
        "funm"
    ),
    "it depends on no tensor: give scipy.linalg.NAME(...) to pt.constant": (
        "dft hadamard helmert hilbert invhilbert invpascal pascal"
    ),
    "write the comparison, which gives a tensor: pt.all(a == a.mT), or pt.allclose": (
        "ishermitian issymmetric"
    ),
    "values are known only in a call; pt.assume(a, ...) declares what is known of a matrix": (
        "bandwidth"
    ),
    "it changes factors of NumPy's arrays: factor the changed matrix, or see "
    "pt.linalg.cholesky_update": "qr_delete qr_insert qr_update",
    "write the product: q @ c with q, r = pt.linalg.qr(a)": "qr_multiply",
    "its complex form is no function here: pt.linalg.schur gives the real one": "rsf2csf",
    "results of pt.linalg.eig are complex already, and blocks are of pt.linalg.schur": "cdf2rdf",
    "a random projection is written with pt.random: pt.random.normal(shape=(k, m)) @ a": (
        "clarkson_woodruff_transform"
    ),
    "pt.jacobian(pt.linalg.expm(a), a) is the derivative whose norm it is made of": "expm_cond",
    "pt.linalg.svd of the blocks gives angles and vectors": "cossin",
    "pt.linalg.companion(a) has the same eigenvalues": "fiedler_companion",
    "pt.linalg.lu factors any square matrix, and pt.linalg.solve(a, b, assume_a='sym') reads one "
    "triangle of a symmetric one": "ldl",
    "LAPACK balances inside of pt.linalg.eig; to scale rows and columns write d[:, None] * a / d": (
        "matrix_balance"
    ),
    "it is another name of SciPy's for solve_continuous_lyapunov": "solve_lyapunov",
    "it is another name of PyTensor's for pt.linalg.inv": "matrix_inverse",
    "nothing warns: nan reaches the result": "LinAlgWarning",
    "that is a tool of SciPy's own, not a function of arrays": (
        "basic blas cython_blas cython_lapack decomp decomp_cholesky decomp_lu decomp_qr "
        "decomp_schur decomp_svd find_best_blas_type get_blas_funcs get_lapack_funcs "
        "interpolative lapack matfuncs misc special_matrices test"
    ),
}
_OF_SPECIAL = {
    "it depends on no tensor: give scipy.special.NAME(...) to pt.constant": (
        "ai_zeros bei_zeros beip_zeros ber_zeros bernoulli berp_zeros bi_zeros erf_zeros euler "
        "fresnel_zeros fresnelc_zeros fresnels_zeros jn_zeros jnjnp_zeros jnp_zeros jnyn_zeros "
        "kei_zeros keip_zeros kelvin_zeros ker_zeros kerp_zeros stirling2 y0_zeros y1_zeros "
        "y1p_zeros yn_zeros ynp_zeros mathieu_even_coef mathieu_odd_coef obl_cv_seq pro_cv_seq "
        "roots_chebyc roots_chebys roots_chebyt roots_chebyu roots_gegenbauer roots_genlaguerre "
        "roots_hermite roots_hermitenorm roots_jacobi roots_laguerre roots_legendre "
        "roots_sh_chebyt roots_sh_chebyu roots_sh_jacobi roots_sh_legendre c_roots cg_roots "
        "h_roots he_roots j_roots js_roots l_roots la_roots p_roots ps_roots s_roots t_roots "
        "ts_roots u_roots us_roots"
    ),
    "scipy.special.NAME gives the coefficients of a polynomial, and pt.polyval its values": (
        "chebyc chebys chebyt chebyu gegenbauer genlaguerre hermite hermitenorm jacobi laguerre "
        "legendre sh_chebyt sh_chebyu sh_jacobi sh_legendre"
    ),
    "an inverse in a parameter is the solution of an equation: pt.optimize.root_scalar has it, "
    "with derivatives": (
        "bdtrik bdtrin btdtria btdtrib chdtriv chndtridf chndtrinc chndtrix fdtridfd gdtria "
        "gdtrib gdtrix nbdtrik nbdtrin ncfdtridfd ncfdtridfn ncfdtrinc nctdtridf nctdtrinc "
        "nrdtrimn nrdtrisd pdtrik stdtridf"
    ),
    "derivatives of any order are taken of the function itself: pt.grad": (
        "h1vp h2vp ivp jvp kvp yvp"
    ),
    "nothing warns or raises: nan and inf reach the result": (
        "SpecialFunctionError SpecialFunctionWarning errstate geterr seterr"
    ),
    "that is NumPy's function: pt.NAME": "cbrt exp2 expm1 log1p round",
    "the functions without an order are ops; sequences of orders are vmap's, or loops": (
        "lqmn lqn pbdn_seq pbdv_seq pbvv_seq riccati_jn riccati_yn"
    ),
}


def _by_name(reasons: dict[str, str]) -> dict[str, str]:
    return {name: reason for reason, names in reasons.items() for name in names.split()}


REASONS = _by_name(_OF_NUMPY | _OF_OTHERS)
OF_RANDOM = _by_name(_OF_RANDOM)
OF_LINALG = _by_name(_OF_LINALG)
OF_SPECIAL = _by_name(_OF_SPECIAL)

"""Every function of NumPy and of SciPy's linalg and special, and every name of PyTensor's tensors,
exists or says why it does not."""

import types
from importlib import import_module

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import probtensor as pt
from probtensor import ops
from probtensor.ops.absent import OF_LINALG, OF_RANDOM, OF_SPECIAL, REASONS

words = str.split
# NumPy's functions of arrays that there are none of, and no other way to write them.
OPEN = words("bitwise_count spacing")
# Functions of scipy.special that there are none of: cumulative probabilities, which the incomplete
# gamma and beta functions give; Airy, Kelvin, Struve, Mathieu and spheroidal
# functions, elliptic integrals, orthogonal polynomials, functions of complex arguments.
OPEN_SPECIAL = words(
    """
agm airy airye assoc_laguerre assoc_legendre_p assoc_legendre_p_all bdtr bdtrc bdtri bei beip ber
berp besselpoly chdtr chdtrc chdtri chndtr comb cosdg cotdg diric ellip_harm ellip_harm_2
ellip_normal ellipe ellipeinc ellipj ellipk ellipkinc ellipkm1 elliprc elliprd elliprf elliprg
elliprj eval_chebyc eval_chebys eval_chebyt eval_chebyu eval_gegenbauer eval_genlaguerre
eval_hermite eval_hermitenorm eval_jacobi eval_laguerre eval_legendre eval_sh_chebyt eval_sh_chebyu
eval_sh_jacobi eval_sh_legendre exp10 factorial2 factorialk fdtr fdtrc fdtri fresnel gammasgn gdtr
gdtrc hankel1 hankel1e hankel2 hankel2e huber hyp0f1 hyperu it2i0k0 it2j0y0 it2struve0 itairy
iti0k0 itj0y0 itmodstruve0 itstruve0 jn jve kei keip kelvin ker kerp kolmogi kolmogorov legendre_p
legendre_p_all lmbda log_wright_bessel loggamma lpmv mathieu_a mathieu_b mathieu_cem
mathieu_modcem1 mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 mathieu_sem modfresnelm modfresnelp
modstruve nbdtr nbdtrc nbdtri ncfdtr ncfdtri nctdtr nctdtrit obl_ang1 obl_ang1_cv obl_cv obl_rad1
obl_rad1_cv obl_rad2 obl_rad2_cv pbdv pbvv pbwa pdtr pdtrc pdtri perm powm1 pro_ang1 pro_ang1_cv
pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv pseudo_huber radian shichi sici sindg smirnov
smirnovi sph_harm_y sph_harm_y_all sph_legendre_p sph_legendre_p_all spherical_in spherical_jn
spherical_kn spherical_yn stdtr stdtrit struve tandg tklmbda voigt_profile wofz wright_bessel
wrightomega yn yve zetac
    """
)
SCIPY = {
    "linalg": (scipy.linalg, OF_LINALG, ()),
    "special": (scipy.special, OF_SPECIAL, OPEN_SPECIAL),
}
# PyTensor's names beside the constructors of inputs.
PYTENSOR = words(
    """
TensorType TensorVariable abs add all allclose alloc and_ angle any arange arccos arccosh arcsin
arcsinh arctan arctan2 arctanh argmax argmin argsort as_tensor as_tensor_variable atleast_1d
atleast_2d atleast_3d atleast_Nd bartlett bincount bitwise_and bitwise_not bitwise_or bitwise_xor
broadcast_arrays broadcast_shape broadcast_to cast ceil ceil_intdiv choose clip complex
complex_from_polar compress concat_with_broadcast concatenate conj conjugate constant cos cosh cov
cumprod cumsum deg2rad diag diagonal diff digamma divmod dot e einsum empty empty_like eq equal
erf erfc erfcinv erfcx erfinv euler_gamma exp exp2 expand_dims expit expm1 extract_diag eye fill
fill_diagonal fill_diagonal_offset flatnonzero flatten flip floor floor_div full full_like gamma
gammaln ge geomspace get_scalar_constant_value get_underlying_scalar_constant_value
get_vector_length grad greater greater_equal gt hessian horizontal_stack identity identity_like
imag inc_subtensor inf int_div interp interpolate1d inverse_permutation invert iround is_flat
isclose isfinite isinf isnan isneginf isposinf jacobian join join_dims largest le less less_equal
linspace log log10 log1mexp log1p log1pexp log2 logaddexp logspace logsumexp lt matmul
matrix_transpose matvec max max_and_argmax maximum mean median mgrid min minimum mod moveaxis mul
nan nan_to_num neg neq newaxis nonzero nonzero_values not_equal ogrid ones ones_like or_ outer
pack pad permute_row_elements pi polygamma pow power prod psi ptp rad2deg ravel_multi_index real
reciprocal repeat reshape roll round round_half_away_from_zero round_half_to_even
scalar_from_tensor searchsorted second set_subtensor sgn shape shape_padaxis shape_padleft
shape_padright sigmoid sign sin sinh slice_at_axis smallest softplus sort specify_broadcastable
specify_shape split split_dims sqr sqrt square squeeze stack stacklists std sub sum swapaxes
switch take take_along_axis tan tanh tensor tensor_copy tensor_from_scalar tensordot tile trace
transfer transpose tri tri_gamma tril tril_indices tril_indices_from triu triu_indices
triu_indices_from true_div trunc unique unpack unravel_index var vecdot vecmat vectorize
vertical_stack where xor zeros zeros_like
    """
)
METHODS = words(
    """
T all any arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort astype broadcastable
ceil choose clip clone compress conj conjugate copy cos cosh cumprod cumsum deg2rad diagonal
dimshuffle dot dprint dtype eval exp exp2 expm1 fill flatten floor get_parents
get_underlying_scalar_constant imag inc log log10 log1p log2 mT max mean min ndim nonzero
nonzero_values norm ones_like owner_op owner_op_and_inputs prod ptp rad2deg ravel real repeat
reshape round searchsorted set shape sin sinh size sort sqrt squeeze std sum swapaxes take tan
tanh trace transfer transpose trunc var zeros_like
    """
)


def functions_of_numpy():
    for name in dir(np):
        value = getattr(np, name)
        if not name.startswith("_") and callable(value) and not isinstance(value, type):
            yield name


def test_functions_of_numpy_exist_or_say_why_not():
    absent = [n for n in functions_of_numpy() if not hasattr(pt, n) and n not in REASONS]
    assert set(absent) <= set(OPEN)


@pytest.mark.parametrize("module, reasons", [(pt, REASONS), (pt.random, OF_RANDOM)])
def test_reasons_are_those_of_names_that_do_not_exist(module, reasons):
    assert not [name for name in reasons if name in module.__all__]
    for name, reason in reasons.items():
        with pytest.raises(AttributeError) as caught:
            getattr(module, name)
        assert reason.replace("NAME", name) in str(caught.value) and len(reason) > 20


@pytest.mark.parametrize("name", SCIPY)
def test_functions_of_scipy_exist_or_say_why_not(name):
    theirs, reasons, left = SCIPY[name]
    ours = getattr(pt, name)
    absent = {n for n in theirs.__all__ if n not in ours.__all__}
    assert absent <= {*reasons, *left} and not {*reasons} & {*left}
    assert not [n for n in reasons if n in ours.__all__]
    for reason in dict.fromkeys(reasons.values()):
        known = next(n for n in reasons if reasons[n] == reason)
        with pytest.raises(AttributeError) as caught:
            getattr(ours, known)
        assert reason.replace("NAME", known) in str(caught.value) and len(reason) > 20


def test_names_of_pytensor_exist():
    assert not [name for name in PYTENSOR if not hasattr(pt, name)]
    x = pt.matrix("x")
    assert not [name for name in METHODS if not hasattr(x, name)]
    assert not isinstance(pt.shape, types.ModuleType)


def test_no_name_is_declared_by_two_modules():
    """The later one would hide the other."""
    homes: dict[str, list[str]] = {}
    for name in ops._MODULES:
        for found in ops._declared(import_module(f"probtensor.ops.{name}")):
            homes.setdefault(found, []).append(name)
    assert {name: home for name, home in homes.items() if len(home) > 1} == {}

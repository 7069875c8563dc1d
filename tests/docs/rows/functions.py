"""Rows of docs/features.md on functions of elements and linear algebra."""

TARGETS = "targets/test_ops: the_cython_target_gives_what_numpy_gives"

ROWS = {
    "B. Elementwise and special functions": {
        "B1": (
            "Arithmetic, divmod",
            "ops/test_elementwise: binary_edges integers_wrap_and_divide_by_zero_as_in_numpy "
            "powers",
            "ops/test_factors: modf_and_divmod_are_those_of_numpy",
            "ops/test_powers: literal_exponents arrays_of_exponents",
        ),
        "B2": (
            "Comparisons, logic, bits, isclose, nan_to_num",
            "ops/test_elementwise: bits shifts",
            "ops/test_equality: against_numbers_and_arrays",
            "ops/test_numbers_meet: tensors_meet_as_arrays_do",
            "ops/test_numpy_calls: functions_mean_what_they_mean_to_numpy",
        ),
        "B3": (
            "Exponentials and logarithms",
            "testing/test_exact: every_scalar_op_has_an_exact_meaning "
            "numpy_is_near_the_exact_value",
            TARGETS,
        ),
        "B4": (
            "Trigonometric and hyperbolic functions",
            "testing/test_exact: numpy_is_near_the_exact_value",
            TARGETS,
        ),
        "B5": (
            "Rounding",
            "ops/test_floats: rounding_of_halves",
            "ops/test_elementwise: rounding_keeps_integers",
        ),
        "B6": (
            "Extremes, clip, where",
            "ops/test_elementwise: where",
            "ops/test_numbers_meet: clip_bounds_nothing_past_the_ends",
            "ops/test_reduce: equal_extremes_share_the_derivative",
        ),
        "B7": (
            "The error function and its relatives",
            "ops/test_special: reference_values_of_special_functions_are_exact_to_a_few_places",
            "testing/test_exact: every_scalar_op_has_an_exact_meaning",
        ),
        "B8": (
            "The gamma family",
            "ops/test_special: polygamma the_fourth_derivative_of_lgamma derivatives_hold_far_out",
        ),
        "B9": (
            "Incomplete gamma functions, second derivatives in all arguments",
            "ops/test_incomplete: gamma_is_accurate_in_both_tails "
            "first_and_second_derivatives_in_all_arguments "
            "derivatives_that_others_refuse_run_compiled",
        ),
        "B10": (
            "gammal, gammau",
            "ops/test_incomplete: operands_of_any_kind "
            "first_and_second_derivatives_in_all_arguments",
        ),
        "B11": (
            "Inverses of incomplete functions",
            "ops/test_incomplete: inverses_invert "
            "derivatives_of_inverses_are_those_of_the_identity edges_of_the_inverses",
        ),
        "B12": (
            "The incomplete beta function, second derivatives in all arguments",
            "ops/test_incomplete: beta_is_accurate_in_both_tails "
            "first_and_second_derivatives_in_all_arguments",
        ),
        "B13": (
            "Bessel functions of real order, derivatives in the order",
            "ops/special/test_bessel: "
            "integrals_give_the_function_and_its_derivatives_in_the_order "
            "first_and_second_derivatives edges_and_negative_arguments",
        ),
        "B14": (
            "Hypergeometric functions, derivatives in the parameters",
            "ops/special/test_functions: first_and_second_derivatives values_at_edges",
        ),
        "B15": (
            "Links: sigmoid, softplus, logit, ...",
            "ops/test_special: sigmoid_family_by_definition derivatives_hold_far_out",
        ),
        "B16": (
            "Beta, factorials, entropies, softmax",
            "ops/special/test_functions: values_at_edges",
            "ops/test_names: names_of_pytensor_exist",
            "ops/test_reduce: logsumexp_and_softmax_by_definition",
        ),
        "B17": (
            "cbrt, hypot, copysign, nextafter, ldexp, frexp, gcd, ...",
            "ops/test_floats: floats_at_edges divisors derivatives_of_parts",
        ),
        "B18": (
            "zeta, expi, expn, lambertw, dawsn, spence, ...",
            "ops/special/test_functions: values_at_edges branches_of_lambertw "
            "first_and_second_derivatives",
        ),
        "B19": (
            "Functions of vectors",
            "targets/test_ops: optimised_code_of_every_op_gives_what_numpy_gives",
            "- speed is measured by `python -m tests.bench.mathematics`; there is no switch to "
            "less accurate functions",
        ),
    },
    "F. Linear algebra": {
        "F1": (
            "Products",
            "ops/test_linalg: matmul dot tensordot vector_products dtypes",
        ),
        "F2": (
            "einsum",
            "ops/test_linalg: einsum",
        ),
        "F3": (
            "Products as calls of BLAS",
            "lower/test_lowering: products_as_loops_and_as_routine",
            "cython_ext/test_linalg: products_of_batches",
            "lower/test_added_products: a_product_that_is_added_is_one_call "
            "products_of_no_terms_long_sums_and_a_scale_of_zero",
            "export/test_functions: products_that_are_added",
            "- on a device the sum is a loop after the product",
        ),
        "F4": (
            "cholesky",
            "ops/test_linalg: cholesky_and_its_solves "
            "cholesky_has_the_gradient_of_the_triangle_that_it_reads "
            "derivatives_of_a_triangle_filled_by_hand_are_differences "
            "no_factor_is_nan_and_leaves_other_items_alone",
        ),
        "F5": (
            "Systems by the kind of matrix",
            "ops/linalg/test_solving: systems_of_every_kind_are_those_of_scipy "
            "derivatives_by_the_elements_that_are_read banded_systems_are_those_of_scipy "
            "solutions_of_singular_systems_are_nan",
            "gpu/test_library_routines: solutions_of_singular_matrices_are_wholly_nan",
        ),
        "F6": (
            "Triangular systems, systems by factors",
            "ops/test_arguments: triangular_systems systems_by_a_cholesky_factor",
            "ops/linalg/test_solving: factors_for_systems",
        ),
        "F7": (
            "LU, pivots",
            "ops/linalg/test_solving: pivots_and_orders",
            "ops/test_factors: factors_are_those_of_numpy_and_scipy",
        ),
        "F8": (
            "QR in all modes",
            "ops/linalg/test_solving: every_form_of_qr derivatives_of_square_and_pivoted_factors",
        ),
        "F9": (
            "SVD",
            "ops/linalg/test_singular: factors_are_those_of_numpy derivatives "
            "derivatives_of_square_factors_by_the_spans_of_their_vectors "
            "equal_singular_values_have_a_derivative_of_their_sum",
        ),
        "F10": (
            "eigh, eigvalsh, generalised",
            "ops/linalg/test_eigen: generalised_eigenvalues_are_those_of_scipy "
            "derivatives_of_generalised_eigenvalues eigvalsh_reads_one_triangle",
        ),
        "F11": (
            "eig with derivatives",
            "ops/linalg/test_eigen: eigenvalues_of_any_matrix "
            "derivatives_of_eigenvectors_have_their_length_and_phase "
            "complex_results_are_those_of_numpy_and_scipy",
        ),
        "F12": (
            "det, slogdet",
            "ops/linalg/test_inverses: inverses_and_determinants_are_those_of_numpy "
            "cofactors_are_the_derivative_of_singular_determinants",
            "rules/test_matrices: systems_determinant_and_gradient_share_one_lu_factor",
        ),
        "F13": (
            "inv, pinv, powers, norms, kron, block_diag, trace, expm",
            "ops/linalg/test_inverses: derivatives",
            "ops/linalg/test_singular: norms_of_every_order "
            "pinv_lstsq_rank_and_cond_are_those_of_numpy",
            "ops/linalg/test_composed: blocks_along_the_diagonal products_of_many "
            "traces_and_diagonals_are_of_the_last_axes",
            "ops/linalg/test_equations: exponentials_of_every_size_of_norm "
            "derivatives_of_the_exponential powers",
        ),
        "F14": (
            "lstsq, tensorsolve, tensorinv",
            "ops/linalg/test_singular: pinv_lstsq_rank_and_cond_are_those_of_numpy derivatives",
            "ops/linalg/test_composed: tensors_as_matrices",
        ),
        "F16": (
            "sqrtm, logm, polar, hessenberg, cosm, sinm, powers",
            "ops/linalg/test_equations: square_roots",
            "ops/linalg/test_forms: logarithms logarithms_of_matrices_of_every_kind "
            "functions_of_matrices_are_those_of_scipy real_powers polar_forms "
            "polar_forms_have_derivatives_where_singular_values_are_equal "
            "hessenberg_forms_are_those_of_scipy",
            "- funm: a function of Python cannot be applied to eigenvalues; no derivative of "
            "hessenberg",
        ),
        "F17": (
            "Sylvester, Lyapunov, Riccati",
            "ops/linalg/test_equations: equations_of_sylvester_and_lyapunov_are_those_of_scipy "
            "derivatives_of_equations equations_of_riccati_are_those_of_scipy "
            "derivatives_of_equations_of_riccati",
        ),
        "F18": (
            "Tridiagonal and banded factors, systems and eigenvalues",
            "ops/linalg/test_solving: systems_of_every_kind_are_those_of_scipy "
            "banded_systems_are_those_of_scipy",
            "ops/linalg/test_bands: factors_and_their_systems_are_those_of_scipy "
            "derivatives_of_factors_and_systems a_log_density_in_linear_time "
            "eigenvalues_of_bands_are_those_of_scipy "
            "eigenvalues_of_three_diagonals_are_those_of_scipy "
            "derivatives_of_eigenvalues_of_three_diagonals",
        ),
        "F19": (
            "Structure",
            "rules/test_matrices: structures structures_hold_of_values "
            "declarations_that_make_no_sense rule_is_as_accurate_as_what_it_replaces",
            "rules/test_matrix_parts: structures_of_what_is_made_of_others "
            "declared_bands_that_make_no_sense "
            "products_of_diagonals_and_selections_are_no_products_of_matrices",
        ),
        "F20": (
            "Systems from products: cg, bicgstab, gmres",
            "optimize/test_vector: systems_from_products_agree_with_solve "
            "a_large_system_needs_no_matrix_and_an_unsolved_one_says_so",
        ),
        "F21": (
            "Toeplitz, Hankel and circulant matrices, their systems and products",
            "ops/linalg/test_composed: matrices_of_equal_diagonals",
            "ops/linalg/test_diagonals: systems_of_toeplitz_matrices_are_those_of_scipy "
            "products_with_toeplitz_matrices_are_those_of_scipy "
            "circulant_systems_are_those_of_scipy "
            "derivatives_of_systems_and_products",
        ),
        "F22": (
            "Complex derivatives through linear algebra",
            "ops/complexes/test_tensors: linear_algebra eigenvalues_of_a_real_matrix "
            "gradients_are_du_dx_minus_i_du_dy",
            "ops/complexes/test_linear: determinants_factors_and_systems "
            "eigenvalues_and_singular_values gradients second_derivatives_and_tangents",
            "ops/test_fft: gradients_of_a_spectrum",
        ),
    },
}

"""Rows of docs/features.md on signals and networks."""

SPARSE = "sparse/test_sparse: "
CONVOLUTIONS = "nn/test_convolutions: "
LOSSES = "nn/test_activations_and_losses: "

ROWS = {
    "H. Signals and networks": {
        "H1": (
            "Convolutions and correlations: `pt.convolve`, `pt.signal.convolve`, `convolve1d`, "
            "`convolve2d` with boundaries, `fftconvolve`",
            "ops/shapes/test_convolution: values_of_all_lengths_and_modes derivatives dtypes",
            "signal/test_convolutions: several_axes_and_all_modes matrices_with_boundaries "
            "batches_broadcast_and_sizes_may_be_symbolic derivatives what_is_refused",
        ),
        "H2": (
            "`pt.sliding_window_view`",
            "signal/test_convolutions: windows",
        ),
        "H3": (
            "Fourier transforms",
            "ops/test_fft: along_one_axis along_several_axes cosines_and_sines_are_scipys "
            "derivatives_are_transposed_transforms",
        ),
        "H4": (
            "conv1d, conv2d, conv3d with stride, padding, dilation and groups; their transposes; "
            "separable ones",
            CONVOLUTIONS
            + "values_of_all_ranks_and_settings transposes_of_all_ranks_and_settings derivatives "
            "padding_by_words separable dtypes_and_large_sums symbolic_sizes_and_empty_batches "
            "batches_of_inputs_and_of_kernels what_is_refused "
            "a_large_product_is_one_of_blas_without_turned_copies",
        ),
        "H5": (
            "Pools: largest elements, sums, means with and without the padding",
            "nn/test_pools: values_of_all_ranks_and_settings "
            "same_size_other_steps_and_divisors derivatives "
            "equal_elements_share_the_derivative_and_nan_propagates symbolic_sizes "
            "what_is_refused",
        ),
        "H6": (
            "Activations: relu, elu, selu, celu, gelu, silu, softsign, hard_sigmoid, ..., softmax",
            LOSSES + "activations_also_at_the_ends_of_the_range softmax_and_one_hot "
            "slopes_of_activations_are_finite_far_out",
        ),
        "H7": (
            "Losses: cross-entropies of classes, probabilities and scores, mse, huber, ...",
            LOSSES + "cross_entropies losses_of_scores_are_stable_with_their_derivatives "
            "losses_of_elements what_is_refused",
        ),
        "H8": (
            "layer_norm, batch_norm, dropout; a network trained",
            LOSSES + "normalisation_and_dropout",
            "test_examples: digits",
        ),
        "H10": (
            "Optimisers: sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamax; norms",
            "nn/test_optimizers: steps_are_those_of_the_published_rule minima_are_found "
            "constraints_of_norms gradients_of_ones_own_and_schedules what_is_refused",
        ),
    },
    "I. Sparse matrices": {
        "I1": (
            "csr and csc, of data and places, matrices of SciPy and arrays; shared data; "
            "results of functions",
            SPARSE + "everything_is_what_it_is_to_scipy data_in_any_order_and_several_of_one_place "
            "matrices_without_entries other_dtypes shared_matrices results_of_functions",
        ),
        "I2": (
            "Sums, products, comparisons, extremes of sparse and dense operands; functions of the "
            "entries; reductions",
            SPARSE + "everything_is_what_it_is_to_scipy operands_of_scipy_and_numpy "
            "named_functions errors_name_the_way_out random_matrices",
        ),
        "I3": (
            "Products with vectors and matrices, sampling_dot, usmm, derivatives by the data",
            SPARSE + "everything_is_what_it_is_to_scipy "
            "derivatives_of_first_and_second_order named_functions a_model_with_a_sparse_design",
        ),
        "I4": (
            "Parts by numbers, slices, lists, masks; stacks, blocks, diagonals, triangles, kron; "
            "scaled rows and columns",
            SPARSE + "parts matrices_of_matrices diagonals named_functions",
        ),
        "I5": (
            "Sparse Cholesky factors with derivatives of any order: systems, log determinants, "
            "variances; no LU",
            "sparse/test_factor: ops_are_what_they_mean random_matrices derivatives_by_the_data "
            "a_field_on_a_grid matrices_that_are_not_definite_and_small_ones",
        ),
    },
}

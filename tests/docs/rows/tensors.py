"""Rows of docs/features.md on tensors: types, reductions, shapes, indexing, order."""

ROWS = {
    "A. Tensors and types": {
        "A1": (
            "Inputs by dtype and rank, one or several, rows and columns",
            "ops/test_creation: inputs typed_inputs several_inputs_are_named_in_one_text_or_each "
            "rows_and_columns_keep_their_axis_of_size_1",
        ),
        "A2": (
            "bool, all integers, float32 and float64, complex64 and complex128",
            "ops/test_creation: inputs",
            "ops/test_elementwise: promotion_is_numpys",
            "ops/complexes/test_values: promotion_is_numpys",
        ),
        "A3": (
            "float16 as storage, with float32 computation; no bfloat16",
            "ops/test_halves: every_float16_passes_unchanged casts_round_once_as_numpys "
            "shared_variables_are_stored_in_float16 derivatives_pass_the_rounding",
        ),
        "A4": (
            "Static sizes of axes in types",
            "ops/shapes/test_scalars_and_checks: specified_shapes_are_checked_and_known",
        ),
        "A5": (
            "Tensors of nested lists, numbers, arrays",
            "ops/test_view: nested_lists_hold_nodes",
            "ops/test_creation: constants",
        ),
        "A6": (
            "Promotion, weak numbers, `floatX`",
            "ops/test_elementwise: promotion_is_numpys python_numbers_are_weak "
            "numpy_scalars_are_strong",
            "ops/test_numbers_meet: python_numbers_fit_in_what_they_become",
            "ops/test_creation: floatx_is_the_default_dtype",
        ),
        "A7": (
            "zeros, ones, full, empty, eye, alloc, tri",
            "ops/test_creation: filled filled_by_other_names like symbolic_sizes",
        ),
        "A8": (
            "Ranges and grids",
            "ops/test_creation: arange linspace",
            "ops/shapes/test_grids: logspace geomspace grids symbolic_ends_and_numbers_of_ranges",
        ),
        "A9": (
            "Diagonals and triangles",
            "ops/shapes/test_grids: indices_of_triangles selected_elements",
            "ops/test_view: functions_of_numpys_name",
        ),
        "A10": (
            "Methods and operators of tensors",
            "ops/shapes/test_methods: functions_of_one_operand_are_methods "
            "other_functions_are_methods set_and_inc_follow_an_index",
        ),
        "A11": (
            "An axis of unknown size that is 1 in a call broadcasts",
            "function/test_broadcasting: values_and_gradients_are_those_of_declared_axes "
            "on_every_target random_draws shared_variables_and_updates random_graphs",
        ),
        "A12": (
            "Complex tensors",
            "ops/complexes/test_values: function_on_the_grid two_operands",
            "ops/complexes/test_tensors: what_moves_elements the_border_of_a_function",
        ),
        "A14": (
            "Nested outputs",
            "function/test_call: structures_of_outputs",
        ),
        "A15": (
            "`x.eval({y: v})`",
            "function/test_call: eval_compiles_once",
        ),
        "A16": (
            "Arrays of pandas, xarray, DLPack",
            "ops/test_numpy_calls: series_of_pandas",
            "function/test_conversion: arrays_however_they_lie_in_memory",
        ),
    },
    "C. Reductions and running operations": {
        "C1": (
            "sum, prod, mean, var, extremes, any, all, argmax over any axes",
            "ops/test_reduce: folds dtypes_of_folds a_dtype_may_be_asked_for "
            "ddof_and_a_large_mean argmax empty_folds bad_axes",
        ),
        "C2": (
            "Derivatives of products with zeros, of any order",
            "ops/test_reduce: prod_has_right_derivatives_whatever_is_zero",
            "ops/ordering/test_running: products_have_all_derivatives_at_zeros",
        ),
        "C3": (
            "max_and_argmax, largest, smallest, topk",
            "ops/test_reduce: max_and_argmax max_and_argmax_of_empty_and_of_nan",
            "ops/ordering/test_sorting: topk largest_and_smallest",
        ),
        "C4": (
            "Running sums, products, extremes",
            "ops/ordering/test_running: running_operations_are_those_of_numpy "
            "logcumsumexp_is_stable derivatives",
        ),
        "C5": (
            "median, cov, norms, trace",
            "ops/ordering/test_statistics: medians covariances",
            "ops/linalg/test_singular: norms_of_every_order",
            "ops/linalg/test_composed: traces_and_diagonals_are_of_the_last_axes",
        ),
        "C6": (
            "Reductions without nan, quantiles, histograms, corrcoef, trapezoid",
            "ops/ordering/test_statistics: reductions_without_nan quantiles_by_every_method "
            "covariances derivatives",
            "ops/ordering/test_sets_and_counts: histograms slopes_and_integrals_of_tables",
        ),
        "C7": (
            "logsumexp with weights and signs",
            "ops/ordering/test_statistics: logsumexp_with_signs",
            "ops/test_reduce: logsumexp_at_infinity_has_finite_gradients "
            "logsumexp_of_nothing_is_minus_infinity",
        ),
    },
    "D. Shapes": {
        "D1": (
            "reshape, transposes, new and dropped axes",
            "ops/test_view: functions_of_numpys_name reshape_with_symbolic_sizes methods",
        ),
        "D2": (
            "Joins and splits",
            "ops/test_view: concatenate stack split",
            "ops/shapes/test_rearranged: values_are_those_of_numpy pytensor_names_of_joins",
        ),
        "D3": (
            "tile, repeat, roll, pad",
            "ops/shapes/test_pad: vectors_and_matrices symbolic_widths_and_values "
            "gradients_add_up_what_was_copied",
            "ops/test_view: roll_by_a_tensor functions_of_numpys_name",
        ),
        "D4": (
            "Broadcasting, new axes",
            "ops/shapes/test_rearranged: new_axes",
            "ops/shapes/test_scalars_and_checks: joint_shapes",
        ),
        "D5": (
            "join_dims, split_dims, pack, unpack",
            "ops/shapes/test_rearranged: joined_and_split_axes_are_reverses unpack_reverses_pack",
        ),
        "D6": (
            "specify_shape",
            "ops/shapes/test_scalars_and_checks: specified_shapes_are_checked_and_known",
        ),
        "D7": (
            "Views are free",
            "lower/test_fusion: views_get_no_memory",
        ),
        "D8": (
            "A shape does not compute its tensor",
            "function/test_sizes_alone: they_are_used",
        ),
    },
    "E. Indexing": {
        "E1": (
            "Slices",
            "ops/test_index: getitem_is_numpys slices_are_pythons_whatever_the_size "
            "symbolic_indices_and_slices_by_size",
            "ops/indexing/test_random_keys: random_keys_read_and_write_as_numpys "
            "many_random_keys_read_and_write_as_numpys",
        ),
        "E2": (
            "Integer arrays, mixed with slices",
            "ops/indexing/test_random_keys: random_keys_read_and_write_as_numpys "
            "many_random_keys_read_and_write_as_numpys",
        ),
        "E3": (
            "Masks",
            "ops/indexing/test_random_keys: random_keys_read_and_write_as_numpys",
            "function/test_data_sizes: all_of_it_is_numpys "
            "gradients_are_those_of_finite_differences",
        ),
        "E4": (
            "Writes: set, add, multiply, minimum, maximum",
            "ops/indexing/test_writing: all_ways_to_combine",
            "ops/test_index: set_and_add_are_numpys combining_at_repeated_places "
            "theanos_names_write_through_the_place",
        ),
        "E5": (
            "Gradients of all of these",
            "ops/indexing/test_random_keys: slopes_of_random_keys_are_those_of_their_places "
            "slopes_of_many_random_keys_are_those_of_their_places",
        ),
        "E6": (
            "take, choose, compress, nonzero, slice_at_axis",
            "ops/test_index: take take_along_axis",
            "ops/indexing/test_functions: choose slice_at_axis values_that_are_not_zero",
        ),
        "E7": (
            "Gradients of choose and unique",
            "ops/indexing/test_functions: slopes_of_choose",
            "ops/ordering/test_sets_and_counts: derivative_of_unique_is_that_of_the_first_of_each",
        ),
        "E8": (
            "ravel_multi_index, unravel_index, fill_diagonal, permutations",
            "ops/indexing/test_functions: ravel_multi_index_has_modes_and_broadcasts "
            "unravel_and_ravel_are_inverse fill_diagonal permutations",
        ),
        "E9": (
            "Promised unique indices",
            "ops/indexing/test_writing: promised_indices_are_written_once "
            "devices_write_promised_elements_without_atomic_operations",
        ),
        "E10": (
            "Indices out of bounds",
            "ops/indexing/test_writing: reads_with_a_mode_are_those_of_take",
            "errors/test_function_errors: an_index_out_of_range a_computed_index_out_of_range",
        ),
        "E11": (
            "Sums by group in one pass",
            "ops/indexing/test_functions: segments",
            "lower/test_fusion: value_and_gradient_take_this_many_kernels",
        ),
    },
    "G. Sorting and sets": {
        "G1": (
            "sort, argsort",
            "ops/ordering/test_sorting: sorts_are_those_of_numpy "
            "sorts_of_edges_and_of_every_length derivatives",
            "cython_ext/test_sort: sorting_and_selecting",
        ),
        "G2": (
            "searchsorted, unique, bincount",
            "ops/ordering/test_sorting: searches",
            "ops/ordering/test_sets_and_counts: unique_of_elements_and_of_entries_along_an_axis "
            "counts",
        ),
        "G3": (
            "digitize, isin, histogram, partition, lexsort",
            "ops/ordering/test_sorting: digitize partitions "
            "lexsort_of_a_tensor_whose_first_axis_counts_keys",
            "cython_ext/test_sort: partitions_keep_the_order_of_the_rest",
            "ops/ordering/test_sets_and_counts: sets histograms",
        ),
    },
}

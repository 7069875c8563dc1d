"""Rows of docs/features.md on graphs: derivatives, functions, rewriting."""

CONFORM = "ops/test_conform_ops: type_derivatives_and_expansion"

ROWS = {
    "N. Derivatives": {
        "N1": (
            "Options of `grad`",
            "transform/test_autodiff: known_gradients_and_constants disconnected_inputs",
            "ops/test_arguments: options_of_grad_are_heeded",
        ),
        "N2": (
            "Both products with the Jacobian, for every op",
            "transform/test_autodiff: forward_and_reverse_mode_agree",
            CONFORM,
        ),
        "N3": (
            "Jacobians, Hessians, products with Hessians",
            "transform/test_autodiff: jacobian_and_hessian jacobians_of_several "
            "jacobian_of_a_vector_of_unknown_size",
        ),
        "N4": (
            "Forward mode where it is cheaper",
            "testing/test_verify: a_jacobian_in_either_mode_and_the_cheaper_one",
        ),
        "N5": (
            "stop_gradient, zero_grad, undefined_grad",
            "testing/test_verify: scaled_zero_and_undefined_gradients",
            "transform/test_autodiff: known_gradients_and_constants",
        ),
        "N6": (
            "grad_clip, grad_scale",
            "testing/test_verify: scaled_zero_and_undefined_gradients",
        ),
        "N7": (
            "What has no derivative is named, with its line",
            "transform/test_autodiff: the_cost_must_be_a_float only_floats_have_derivatives "
            "what_is_not_a_node_is_named",
        ),
        "N8": (
            "Back-propagation piece by piece",
            "testing/test_verify: piece_by_piece_is_the_whole",
        ),
        "N9": (
            "`verify_grad`",
            "testing/test_verify: right_gradients_pass a_wrong_gradient_is_found_and_placed "
            "the_operation_with_the_wrong_derivative_is_named",
        ),
        "N10": (
            "Derivatives of one's own; functions computed again",
            "rules/test_custom: a_gradient_is_that_of_the_rule_in_every_mode "
            "forward_rules_are_transposed_and_hold_for_higher_orders "
            "a_checkpointed_function_keeps_less_and_gives_the_same",
        ),
        "N11": (
            "Integers have no gradient",
            "transform/test_autodiff: only_floats_have_derivatives",
            "rules/test_custom: integers_have_no_gradient_and_pass_through",
        ),
        "N12": (
            "Complex derivatives",
            "ops/complexes/test_tensors: gradients_are_du_dx_minus_i_du_dy "
            "derivatives_of_holomorphic_functions jacobians gradients_by_computed_tensors",
        ),
        "N13": (
            "vmap of every op, `vectorize`",
            "transform/test_batch: every_op_is_batched_as_a_loop vmap_is_a_loop",
            "ops/shapes/test_vectorized: signatures_name_core_axes",
        ),
        "N14": (
            "Value and gradient share their work",
            "transform/test_autodiff: value_and_grad_shares_the_cost",
            "lower/test_fusion: value_and_gradient_take_this_many_kernels",
        ),
        "N15": (
            "Any order",
            "transform/test_autodiff: derivatives_to_the_fourth_order",
            "ops/test_special: the_fourth_derivative_of_lgamma",
        ),
        "N16": (
            "Sparse Jacobians and Hessians",
            "rules/test_sparse: a_sparse_jacobian_is_the_dense_one "
            "a_tridiagonal_hessian_takes_three_products",
        ),
        "N17": (
            "Derivatives of roots, fixed points and minima",
            "optimize/test_vector: a_minimum_and_its_derivatives a_root_and_its_derivative "
            "a_solution_of_any_origin",
        ),
    },
    "O. Functions": {
        "O1": (
            "Arguments of `function`",
            "function/test_call: positions_names_and_defaults givens_are_put_in_first "
            "unused_inputs environment_says_the_default_target",
            "function/test_shared: updates_come_after_the_outputs_and_swap",
            "- mode, profile, allow_input_downcast and the like are refused with what to write "
            "instead",
        ),
        "O2": (
            "Inputs with defaults",
            "function/test_call: positions_names_and_defaults",
            "function/test_copies: inputs_of_one_name_keep_their_own_defaults",
            "- update, mutable and implicit are those of shared variables here; arguments are "
            "never written to",
        ),
        "O3": (
            "Borrowed results",
            "function/test_call: borrowed_results_are_written_to_by_the_next_call",
        ),
        "O4": (
            "Shared variables",
            "function/test_shared: a_change_is_seen_without_compiling "
            "values_are_copied_unless_borrowed",
        ),
        "O5": (
            "Updates",
            "function/test_shared: updates_come_after_the_outputs_and_swap "
            "updates_in_pairs_with_other_sizes_and_no_outputs",
        ),
        "O6": (
            "givens, graph_replace, clone_replace, equal_computations",
            "function/test_replacing: all_replacements_are_made_at_once_and_nothing_else_changes "
            "an_inner_tensor_is_replaced_by_a_graph equal_computations_compare_what_is_written",
            "function/test_call: givens_are_put_in_first",
        ),
        "O7": (
            "Messages name the argument",
            "errors/test_function_errors: too_few_arguments an_unknown_name "
            "the_wrong_number_of_axes a_conversion_that_would_lose_something",
        ),
        "O8": (
            "Copies with other shared variables; memory given back",
            "function/test_shared: a_copy_may_have_other_shared_variables "
            "a_copy_may_leave_the_updates_out",
            "function/test_replacing: memory_that_calls_keep_is_given_back_and_taken_again",
        ),
        "O9": (
            "Some outputs alone",
            "function/test_replacing: a_subset_of_outputs_computes_nothing_else",
            "- no containers f['x']: a call would depend on calls before it",
        ),
        "O10": (
            "Pickles of functions and graphs",
            "function/test_pickle: a_function_in_another_process "
            "two_functions_pickled_together_share_their_variables",
            "graph/test_graph: pickle_keeps_identity",
        ),
        "O11": (
            "Calls take about a microsecond",
            "- measured by `make bench`: 0.9 us for a scalar function",
        ),
        "O12": (
            "Threads",
            "function/test_call: many_threads_share_a_function",
            "function/test_threads: no_update_is_lost",
            "function/test_workspaces: threads_with_sizes_of_their_own",
        ),
        "O13": (
            "A C function by its address",
            "function/test_explain: the_address_is_callable_from_c",
            "function/test_context: the_pointer_and_the_method_agree_with_numpy",
        ),
        "O14": (
            "Code without a compiler",
            "export/test_models: a_program_in_c_with_threads a_python_without_probtensor",
            "targets/test_damage: a_warm_cache_needs_no_compiler",
        ),
        "O15": (
            "Aliases",
            "function/test_call: "
            "a_result_that_is_an_argument_or_comes_twice_is_an_array_of_its_own "
            "an_array_that_fits_is_not_written_to_and_read_only_ones_are_taken",
        ),
    },
    "R. Rewriting": {
        "R1": (
            "Passes in order",
            "transform/test_passes: passes_run_in_order_and_are_recorded",
            "rules/test_again: of_models",
            "rules/test_again: of_random_graphs",
        ),
        "R2": (
            "Equal nodes are one",
            "graph/test_graph: equal_nodes_are_one",
            "transform/test_loop_rewrites: equal_carries_are_one_also_if_they_feed_each_other",
        ),
        "R3": (
            "Constants are folded",
            "rules/test_literals: functions_of_literals_keep_their_digits "
            "literals_without_lost_digits_fold_at_once",
            "rules/test_matrices: factors_of_constants_are_computed_once",
        ),
        "R4": (
            "Useless ops go",
            "rules/test_redundant: what_has_no_effect_is_not_computed",
            "rules/test_redundant: what_has_an_effect_stays",
            "rules/test_soundness: rule_is_sound",
        ),
        "R5": (
            "Sums and products",
            "rules/test_soundness: rule_is_sound",
            "rules/test_near_misses: what_a_rule_leaves_alone",
            "- x*y/x stays: it overflows where x does not",
        ),
        "R6": (
            "Logarithms of sums, stable",
            "rules/test_stable_forms: value_and_gradient_are_accurate "
            "second_derivatives_are_stable",
        ),
        "R7": (
            "Softmax, tails, complements",
            "rules/test_stable_forms: value_and_gradient_are_accurate",
            "rules/test_tails: log_cosh_keeps_its_digits",
            "rules/test_bessels: logarithms_and_their_slopes_are_accurate",
        ),
        "R8": (
            "Inverse pairs, powers",
            "rules/test_again: hyperbolic_tangents_and_inverses_are_found",
            "ops/test_powers: literal_exponents",
            "- exp(a) * exp(b) stays: the sum of exponents would lose digits",
        ),
        "R9": (
            "Sums: factors, axes, chains",
            "rules/test_work: work_at_each_datum",
            "rules/test_soundness: rule_is_sound",
            "rules/test_joins: what_is_computed",
            "rules/test_joins: what_stays",
            "- sums of joined data stay whole: parts may cancel",
        ),
        "R10": (
            "Conditions",
            "rules/test_soundness: rule_is_sound",
            "rules/test_joins: what_is_computed",
        ),
        "R11": (
            "Sizes need no values",
            "function/test_sizes_alone: they_are_used",
        ),
        "R12": (
            "Reads of parts",
            "rules/test_reads: only_what_is_read_is_computed "
            "parts_of_random_graphs_are_those_of_the_whole",
            "rules/test_picks: only_what_is_read_is_computed",
        ),
        "R13": (
            "Views of views",
            "rules/test_soundness: rule_is_sound",
            "lower/test_fusion: views_get_no_memory",
        ),
        "R14": (
            "Fusion",
            "lower/test_fusion: value_and_gradient_take_this_many_kernels "
            "the_design_matrix_is_read_in_one_loop_over_the_rows",
        ),
        "R15": (
            "In place",
            "lower/test_memory: buffers_that_are_live_together_do_not_overlap",
            "kernel/test_scans: a_large_state_is_updated_in_place",
        ),
        "R16": (
            "BLAS",
            "lower/test_lowering: products_as_loops_and_as_routine",
            "lower/test_added_products: a_product_that_is_added_is_one_call "
            "small_products_and_devices_keep_the_loop",
            "cython_ext/test_linalg: products_with_the_own_transpose_are_symmetric",
            "rules/test_matrices: products_of_transposes_copy_nothing",
        ),
        "R17": (
            "Chains of matrices, sums and diagonals of products",
            "rules/test_matrices: products_are_associated_by_cost",
            "rules/test_totals: values_and_gradients_without_the_product",
            "ops/linalg/test_composed: products_are_in_the_order_of_the_fewest_multiplications",
        ),
        "R18": (
            "Linear algebra by structure",
            "rules/test_matrices: rule_is_as_accurate_as_what_it_replaces "
            "logarithms_of_determinants_do_not_overflow",
            "rules/test_matrix_parts: "
            "systems_and_determinants_of_three_diagonals_write_no_matrix "
            "systems_of_few_diagonals_and_those_of_any_number_of_rows "
            "blocks_and_kronecker_products_are_solved_by_their_parts "
            "a_normal_density_by_a_kronecker_product_takes_the_factors_of_its_parts",
        ),
        "R19": (
            "One factor for all",
            "rules/test_matrices: value_and_gradient_of_a_normal_density_factor_once "
            "systems_determinant_and_gradient_share_one_lu_factor",
        ),
        "R20": (
            "Factors leave loops",
            "transform/test_loop_rewrites: invariant_work_and_constant_arrays_move_out",
        ),
        "R22": (
            "Loops",
            "transform/test_loop_rewrites: "
            "loops_over_the_same_steps_merge_if_none_depends_on_another "
            "the_last_row_of_a_state_is_what_is_carried unused_results_and_what_only_they_read_go",
        ),
        "R23": (
            "Branches",
            "kernel/test_branches: one_body_runs_and_defines_the_locals",
        ),
        "R24": (
            "Draws",
            "rules/test_reads: draws_and_bounds_are_those_of_the_whole",
        ),
        "R25": (
            "Batches of routines",
            "transform/test_batch: every_op_is_batched_as_a_loop",
        ),
        "R26": (
            "einsum, bodies",
            "transform/test_bodies: "
            "rules_apply_in_bodies_of_any_depth_and_are_recorded_with_their_lines",
        ),
        "R27": (
            "Rules of one's own",
            "rules/test_given: a_rule_fires_in_one_function_alone rules_are_sound_or_not "
            "rules_sets_and_passes_in_order the_guide_is_right",
        ),
        "R28": (
            "Lines are kept",
            "rules/test_origins: a_rule_keeps_lines the_pipeline_keeps_lines "
            "gradients_name_lines_of_what_they_are_of",
        ),
        "R29": (
            "Checks stay",
            "rules/test_given: what_calls_check_of_sizes_stays",
            "- no option drops checks: they cost nothing in the loops",
        ),
    },
}

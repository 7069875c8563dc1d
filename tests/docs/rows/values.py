"""Rows of docs/features.md on values of compiled code: shown, checked, tried while building."""

_VALUES, _CHECKS, _TRIAL = "inspect/test_values", "inspect/test_checks", "inspect/test_trial"

ROWS = {
    "S. Inspection": {
        "S6": (
            "Print, breakpoint and callback on values, in compiled code",
            f"{_VALUES}: a_value_is_printed_when_it_is_computed "
            "effects_keep_the_order_in_which_they_were_made "
            "steps_are_numbered_and_invariants_are_printed_in_each "
            "while_loops_nested_loops_and_branches each_item_of_a_batch "
            "gradients_pass_and_are_printed_on_request "
            "steps_are_shown_once_whatever_a_derivative_runs_again "
            "callbacks_get_copies_and_end_the_call_with_their_exception "
            "breakpoints_have_the_values_in_scope on_a_device in_a_density "
            "items_show_what_they_compute_alone",
            "- on a GPU a kernel with one in a branch or a while loop runs on the host; not in a "
            "chain, which is a kernel",
        ),
        "S7": (
            "Conditions of calls with a message: Assert, CheckAndRaise",
            f"{_CHECKS}: a_check_names_line_condition_place_and_values "
            "classes_of_exceptions checks_cost_no_kernel_and_go_on_request "
            "a_step_is_named_with_its_values branches_batches_complex_numbers_and_gradients "
            "native_code_and_devices a_loop_ends_where_a_check_fails",
        ),
        "S8": (
            "Errors of calls name the operation, the line, sizes and values",
            "errors/test_function_errors: sizes_that_do_not_fit_together "
            "an_index_out_of_range a_computed_index_out_of_range",
            f"{_TRIAL}: levels_of_errors",
        ),
        "S9": (
            "How much errors of calls say: inputs, values, memory",
            f"{_TRIAL}: levels_of_errors wrong_values_are_noted_and_right_calls_are_as_ever",
        ),
        "S10": (
            "Test values: errors of calls at the line that builds",
            f"{_TRIAL}: what_does_not_fit_is_refused_at_its_line nan_on_request "
            "steps_of_loops_are_tried_with_the_values_of_the_first "
            "random_variables_are_drawn_and_models_are_tried",
        ),
        "S16": (
            "Tensors of a step that are used outside of it are named with their line",
            f"{_TRIAL}: a_node_of_a_step_that_is_used_outside_is_named_with_its_line",
            "- no stream of random numbers can be used twice: each variable has its own",
        ),
    },
}

"""Rows of docs/features.md: where the time goes."""

ROWS = {
    "Where the time goes": {
        "S11": (
            "Profiles by line, op, kernel and loop of the compiled code",
            "inspect/test_profile: the_planted_line_is_first "
            "interpreted_statements_are_timed the_twin_has_the_same_instructions "
            "marks_change_no_kernel without_samples_kernels_are_timed_one_by_one "
            "where_the_time_of_making_it_went memory_names_what_holds_it tips "
            "a_function_in_stages",
            "inspect/test_profile_calls: a_block_is_divided_among_functions_and_python "
            "a_run_of_a_sampler",
        ),
        "S12": (
            "Flops, calls and bytes of each kernel",
            "inspect/test_profile: counts_of_a_product_are_exact counts_follow_loops "
            "operations_of_a_product_with_its_own_transpose a_device_is_measured",
        ),
        "S14": (
            "Profiles as text, HTML, speedscope and Chrome traces",
            "inspect/test_profile_calls: speedscope chrome_events_are_nested saved_files",
        ),
        "Z21": (
            "The time of a fused loop by line of the user",
            "inspect/test_profile: the_planted_line_is_first",
            "inspect/test_profile_calls: the_terms_of_a_density",
        ),
    },
}

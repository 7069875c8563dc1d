"""Rows of docs/features.md: reading graphs, what compilation did, reports."""

ROWS = {
    "What the compiler did": {
        "S1": (
            "Graphs and functions as trees, by `debugprint`",
            "inspect/test_debugprint: tree_with_shared_parts depth kinds_of_ids stop_on_name "
            "op_info inner_graphs storage_views_and_inputs_of_functions destroy_map "
            "rules_and_stages profile_beside_the_nodes",
            "inspect/test_targets: all_tools_on_all_targets",
        ),
        "S2": (
            "Expressions as mathematics, in a line and in LaTeX",
            "inspect/test_formulas: random_formulas_compute_what_they_show "
            "formulas_of_arrays_compute_what_they_show lines_read_as_mathematics latex "
            "loops_are_recursions",
        ),
        "S4": (
            "Graphs, plans and models as data: JSON, Graphviz, Mermaid; hashes",
            "inspect/test_pictures: three_formats_show_the_same json_of_every_op_reads_back "
            "models_have_plates hashes_tell_graphs_apart "
            "hashes_do_not_depend_on_the_process_or_on_the_order_of_making",
        ),
        "S5": (
            "Stepping through rewrites",
            "inspect/test_trace: steps_lead_from_what_was_written_to_what_is_compiled "
            "each_step_of_rules_changes_one_place steps_in_bodies_say_so "
            "a_step_as_text_shows_both_sides nothing_is_recorded_unless_asked",
        ),
        "S15": (
            "Bug reports that reproduce themselves; what a maintainer asks for",
            "inspect/test_dump: a_fresh_process_gets_the_same_bits "
            "data_is_in_it_only_if_allowed errors_are_recorded_and_reproduced "
            "draws_are_made_again what_has_no_text_is_told the_environment_is_told_without_failing",
            "targets/test_doctor: a_machine_that_works",
        ),
        "Z19": (
            "A report of every rewrite by the user's line, with costs and a numeric witness",
            "inspect/test_report: rows_say_which_rule_where_why_and_what_it_saves "
            "a_planted_wrong_rule_is_named_with_line_values_and_ulps "
            "a_rule_that_is_better_than_what_it_replaces_is_not_accused "
            "a_rule_that_loses_digits_is_lossy "
            "wrong_rules_in_loops_branches_and_gradients_are_found a_wrong_pass_is_named "
            "no_rewrite_of_the_library_is_accused",
        ),
    },
}

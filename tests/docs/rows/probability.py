"""Rows of docs/features.md on probability: draws, densities, transforms, models."""

DRAWS = "prob/test_draws: draws_follow_the_distribution"
DERIVED = "prob/test_derived: densities_are_those_of_closed_forms densities_are_those_of_draws"
GRAPHS = "prob/test_graph_kinds: densities_of_all_kinds_of_graphs"

ROWS = {
    "K. Random variables and draws": {
        "K1": (
            "Random variables with shapes, names and batches of parameters; names of other "
            "libraries, choices, permutations",
            DRAWS,
            "prob/test_univariate: names_of_other_libraries_are_these_distributions "
            "choices_and_permutations",
        ),
        "K2": (
            "Continuous distributions",
            DRAWS,
            "prob/test_distributions: logp_is_scipys",
            "prob/test_vector_distributions: densities draws_have_the_distribution_of_a_marginal",
        ),
        "K3": (
            "Discrete distributions",
            DRAWS,
            "prob/test_univariate: masses_and_tails_of_large_urns",
            "prob/test_vector_distributions: draws_of_many_kinds_and_of_batches",
        ),
        "K6": (
            "Counter-based streams, the same bits on every target",
            "cython_ext/test_philox: published_answers a_draw_depends_on_key_and_index_alone",
            "prob/test_combinator_models: targets_draw_the_same_bits",
            "- quasi-random and antithetic streams are not there",
        ),
        "K7": (
            "Keys that are split; rows that do not depend on their number",
            "ops/test_random: keys",
            "prob/test_predictive: the_first_draws_do_not_depend_on_how_many_there_are",
        ),
        "K8": (
            "Gradients through draws",
            "prob/test_pathwise: draws_move_as_quantiles_do "
            "means_have_the_derivatives_of_expectations",
            "prob/test_univariate: draws_of_angles_move_with_their_parameters",
            "prob/test_pathwise: vectors_and_series_move_as_their_draw_does "
            "vectors_of_gammas_have_the_derivatives_of_expectations",
        ),
        "K9": (
            "Score function gradients, relaxed choices",
            "prob/test_univariate: the_score_function_is_unbiased relaxed_choices_have_derivatives",
        ),
    },
    "L. Densities": {
        "L1": (
            "`logp` of every distribution",
            "prob/test_distributions: logp_is_scipys derivatives_are_those_of_differences",
            "prob/test_vector_distributions: densities",
            "prob/test_series: densities_are_those_of_the_steps_written_out",
            "prob/test_fields: car_is_the_normal_with_its_precision "
            "icar_is_the_documented_formula",
        ),
        "L2": (
            "`logcdf`, `logccdf`, `icdf`, each exact in its own tail",
            "prob/test_tails: tails_and_quantiles_are_exact tails_of_counts_are_exact "
            "quantiles_at_steps_of_a_distribution_function",
            "prob/test_combinators: distribution_functions_and_quantiles",
        ),
        "L3-L9": (
            "Changes of variables, linear maps, joins and gathers, sums and extremes, censoring "
            "and rounding, mixtures by index, comparisons",
            DERIVED,
            GRAPHS,
            "prob/test_derived: derivatives_by_values_and_by_what_is_given "
            "tails_and_quantiles_of_expressions",
        ),
        "L10": (
            "Densities in the steps of loops",
            "prob/test_sequences: densities_are_those_of_the_steps_written_out",
            "prob/test_derived: mixtures_steps_and_truth_values_in_models",
        ),
        "L11": (
            "Expressions observed in models, given variables that have names",
            "prob/test_derived: named_variables_are_given_and_free "
            "a_variable_that_something_else_depends_on_is_given",
            "prob/test_graph_kinds: entries_of_one_variable_that_are_observed_apart "
            "variables_joined_with_those_that_they_depend_on",
        ),
        "L12": (
            "Truncated, censored and custom distributions",
            "prob/test_combinators: densities_are_those_of_scipy probabilities_sum_to_one "
            "draws_follow_the_distribution",
            "prob/test_combinator_models: custom_by_a_function_that_makes_the_value",
        ),
        "L13-L18": (
            "Sums, differences, products and ratios; reshapes and writes; marginals of vectors; "
            "order statistics; one variable used several times",
            DERIVED,
            GRAPHS,
        ),
        "L20": (
            "Functions of random covariance matrices, shares of a total, sums by convolution",
            DERIVED,
            GRAPHS,
            "- determinants of more than two rows, and sums of two variables of any law, are not "
            "there",
        ),
        "L21": (
            "Parameters out of their range",
            "prob/test_distributions: a_literal_parameter_out_of_range_raises_at_once "
            "symbolic_parameters_out_of_range_give_a_density_of_zero",
            "inspect/test_checks: a_density_is_zero_raises_or_goes_on "
            "what_guards_a_density_is_listed_and_explained "
            "sampling_ends_with_the_message_of_a_check",
        ),
        "L22": (
            "Discrete variables summed out, and drawn back",
            "prob/test_enumeration: densities_and_gradients_are_those_of_all_joint_states "
            "draws_have_the_probabilities_of_the_joint_states mark_and_recapture",
        ),
        "L23": (
            "Entropy, mode, expectation, variance, divergences as graphs",
            "prob/test_summaries: summaries_are_functions_of_parameters "
            "divergences_are_integrals_of_log_ratios",
            "prob/test_vector_distributions: entropies modes_have_the_highest_density",
        ),
        "L24": (
            "Density and gradient as one function",
            "prob/test_model: the_compiled_density_is_the_interpreted_one "
            "every_bijector_in_one_model",
        ),
    },
    "M. Transforms to unconstrained space": {
        "M1": (
            "Numbers: logarithms, log odds, softplus, bounds, angles",
            "prob/test_bijectors: round_trip log_jacobian_is_that_of_autodiff "
            "bounds_may_be_tensors",
            "prob/test_transforms: maps_of_numbers softplus_far_out",
        ),
        "M2": (
            "Ordered vectors, simplexes, vectors of sum zero",
            "prob/test_structured: there_and_back_and_the_jacobian_of_autodiff "
            "far_out_and_in_batches",
        ),
        "M3": (
            "Factors of covariances and correlations",
            "prob/test_structured: there_and_back_and_the_jacobian_of_autodiff",
            "prob/test_vector_distributions: free_variables_of_all_of_them",
        ),
        "M4": (
            "Chains, a choice for each variable, one's own",
            "prob/test_transforms: a_model_by_other_bijectors_has_the_same_density_of_values "
            "bounds_and_data_in_bijectors",
        ),
        "M5": (
            "Unit vectors, stochastic matrices, the L1 ball, covariance matrices",
            "prob/test_structured: directions_keep_their_density "
            "a_model_of_flat_variables_on_all_of_them",
            "- circulant matrices and learned flows are not there",
        ),
    },
    "AA. Models": {
        "AA1": (
            "Named variables, dims and coords, data, deterministics, potentials",
            "prob/test_dims: every_distribution_takes_its_shape_from_dims "
            "vectors_deterministics_and_data",
        ),
        "AA2": (
            "Prior and posterior predictive draws, new data and new groups",
            "prob/test_predictive: other_data_and_new_variables_on_old_ones "
            "from_sampling_to_leave_one_out",
            "prob/test_dims: predictions_for_other_homes_and_new_counties "
            "arviz_compares_and_perturbs",
        ),
        "AA3": (
            "Interventions, more observations, replacements, factors",
            "prob/test_handlers: confounding_is_seen_by_conditioning_and_not_by_intervention "
            "observe_adds_data replace_exchanges_priors_expressions_and_data "
            "factors_multiply_terms_and_nothing_else",
        ),
        "AA4": (
            "Non-centring by one word, or chosen by short runs",
            "prob/test_centring: it_is_the_code_of_the_model_written_by_hand "
            "reparametrize_chooses_by_what_the_data_say",
        ),
        "AA5": (
            "Missing values",
            "prob/test_missing: entries_of_numbers rows_of_normal_vectors "
            "missing_counts_are_left_out",
        ),
        "AA6": (
            "Time series, state space models",
            "prob/test_series: densities_are_those_of_random_variables_of_loops "
            "draws_follow_the_steps",
            "timeseries/test_filter: density_states_and_observed_series "
            "forecasts_and_draws_of_states_and_series",
            "timeseries/test_components: sarimax",
        ),
        "AA7": (
            "Gaussian processes: exact, sparse, on grids, by basis functions, Student's t",
            "gp/test_covariances: formulas_symmetry_and_diagonals",
            "gp/test_processes: density_and_gradient_of_observations predictions_and_draws",
            "gp/test_approximations: inducing_points grids "
            "basis_functions_approximate_the_exact_process",
        ),
        "AA8": (
            "Correlations, Wishart, matrix and Kronecker normal, fields on graphs, weights, "
            "zero-inflated and hurdle counts, simulators",
            "prob/test_vector_distributions: lkj_densities_of_both_forms_agree",
            "prob/test_fields: a_large_field_costs_its_edges",
            "prob/test_combinator_models: a_simulator_with_a_kernel_of_simulated_data",
        ),
        "AA9": (
            "Batches of rows",
            "prob/test_handlers: gradients_of_batches_are_those_of_all_rows_on_average",
        ),
        "AA10": (
            "Models as text, diagrams, LaTeX and tables",
            "prob/test_pictures: text_and_latex_of_a_model "
            "diagrams_have_the_edges_and_the_plates tables",
        ),
        "AA12": (
            "Faults of models, and priors that hold what is known",
            "prob/test_lint: planted_faults_are_found_and_nothing_else "
            "reference_models_have_no_faults",
            "prob/test_constrained_priors: probabilities_are_those_asked_for",
        ),
        "AA13": (
            "Modes of posteriors, in the variables' own coordinates and in unconstrained ones",
            "approximate/test_mode: modes_have_their_closed_forms "
            "the_density_without_jacobians_is_that_of_the_variables "
            "searches_that_do_not_end_at_a_mode_warn",
        ),
        "AA14": (
            "Normal approximations: Laplace, Pathfinder, ADVI; how far to trust them",
            "approximate/test_draws: laplace_is_exact_for_normal_posteriors eight_schools "
            "a_funnel_warns approximations_are_near_reference_draws "
            "paths_do_not_depend_on_threads_or_on_their_number",
            "approximate/test_parts: weights_are_those_of_arviz "
            "the_factored_inverse_hessian_is_the_one_of_the_two_loops",
            "- flows and low-rank families by stochastic gradients are not there",
        ),
        "AA15": (
            "Chains start near modes by default, by paths of Pathfinder",
            "sample/test_path_starts: starts_lie_where_the_mass_is a_poor_mode_gets_no_chain "
            "modes_of_similar_mass_get_chains_each "
            "a_start_does_not_depend_on_other_chains_and_threads",
        ),
        "Z15": (
            "A model tested against itself",
            "testing/test_check_model: fault_of_a_distribution_is_found "
            "data_that_count_twice_are_found wrong_and_missing_gradients_are_found",
        ),
    },
}

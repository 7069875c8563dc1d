data {
  int<lower=1> N;
  int<lower=1> J;
  array[N] int<lower=1, upper=J> cafe;
  vector[N] afternoon;
  vector[N] y;
}
parameters {
  vector<lower=0>[2] stds;
  cholesky_factor_corr[2] factor;
  vector[2] mu;
  matrix[2, J] z;
  real<lower=0> sigma;
}
model {
  matrix[2, J] beta = rep_matrix(mu, J) + diag_pre_multiply(stds, factor) * z;
  stds ~ exponential(1);
  factor ~ lkj_corr_cholesky(2);
  mu ~ normal([5, -1], [2, 0.5]);
  to_vector(z) ~ normal(0, 1);
  sigma ~ exponential(1);
  y ~ normal(beta[1, cafe]' + beta[2, cafe]' .* afternoon, sigma);
}

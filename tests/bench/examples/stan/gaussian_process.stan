data {
  int<lower=1> N;
  array[N] real x;
  vector[N] y;
}
transformed data {
  vector[N] line = to_vector(x);
}
parameters {
  real<lower=0> lengthscale;
  real<lower=0> height;
  real slope;
  real<lower=0> sigma;
}
model {
  matrix[N, N] K = add_diag(gp_matern52_cov(x, height, lengthscale), square(sigma));
  lengthscale ~ inv_gamma(5, 8);
  height ~ normal(0, 2);
  slope ~ normal(0, 1);
  sigma ~ normal(0, 1);
  y ~ multi_normal_cholesky(slope * line, cholesky_decompose(K));
}

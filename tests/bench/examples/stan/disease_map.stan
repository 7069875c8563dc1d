data {
  int<lower=1> N;
  int<lower=1> E;
  array[E] int<lower=1, upper=N> one;
  array[E] int<lower=1, upper=N> other;
  vector[N] neighbours;
  vector[N] eigenvalues;
  vector[N] expected;
  vector[N] share;
  array[N] int<lower=0> y;
}
transformed data {
  vector[N] log_expected = log(expected);
}
parameters {
  real effect;
  real<lower=0, upper=1> alpha;
  real<lower=0> tau;
  vector[N] field;
}
model {
  effect ~ normal(0, 1);
  alpha ~ beta(4, 1);
  tau ~ gamma(2, 0.5);
  target += 0.5 * (N * log(tau) + sum(log1m(alpha * eigenvalues)));
  target += -0.5 * tau * (dot_product(neighbours, square(field))
                          - 2 * alpha * dot_product(field[one], field[other]));
  y ~ poisson_log(log_expected + effect * share + field);
}

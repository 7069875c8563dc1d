data {
  int<lower=0> N;
  int<lower=0> C;
  vector[N] y;
  vector[C] c;
  vector[N] drug;
  vector[C] drug_c;
}
parameters {
  real<lower=0> shape;
  real base;
  real effect;
}
model {
  shape ~ lognormal(0, 0.5);
  base ~ normal(0, 2);
  effect ~ normal(0, 1);
  y ~ weibull(shape, 10 * exp(-(base + effect * drug) / shape));
  target += weibull_lccdf(c | shape, 10 * exp(-(base + effect * drug_c) / shape));
}

data {
  int<lower=0> N;
  vector[N] x;
  array[N] int<lower=0> n;
  array[N] int<lower=0> y;
}
parameters {
  real alpha;
  real<lower=0> beta;
}
model {
  alpha ~ normal(0, 2);
  beta ~ normal(10, 10);
  y ~ binomial_logit(n, alpha + beta * x);
}

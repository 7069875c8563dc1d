data {
  int<lower=1> N;
  matrix[N, 2] x;
  array[N] int<lower=1, upper=5> y;
}
parameters {
  vector[2] beta;
  ordered[4] cutpoints;
}
model {
  beta ~ normal(0, 1);
  cutpoints ~ normal(0, 3);
  y ~ ordered_logistic_glm(x, beta, cutpoints);
}

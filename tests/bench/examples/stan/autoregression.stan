data {
  int<lower=3> N;
  vector[N] y;
}
parameters {
  real constant;
  vector[2] lags;
  real<lower=0> sigma;
}
model {
  constant ~ normal(0, 2);
  lags ~ normal(0, 1);
  sigma ~ normal(0, 1);
  y[1 : 2] ~ normal(0, 5);
  y[3 : N] ~ normal(constant + lags[1] * y[2 : (N - 1)] + lags[2] * y[1 : (N - 2)], sigma);
}

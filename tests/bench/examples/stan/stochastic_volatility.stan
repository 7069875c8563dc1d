data {
  int<lower=2> N;
  int<lower=1> D;
  array[D] vector[N] y;
}
parameters {
  real<lower=0> step;
  vector[N] level;
}
model {
  vector[N] volatility = exp(level);
  step ~ normal(0, 0.5);
  level[1] ~ normal(0, 1);
  level[2 : N] ~ normal(level[1 : (N - 1)], step);
  for (d in 1 : D) {
    y[d] ~ normal(0, volatility);
  }
}

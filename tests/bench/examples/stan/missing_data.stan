data {
  int<lower=1> N;
  int<lower=0> X;
  int<lower=0> Y;
  array[X] int<lower=1, upper=N> x_gaps;
  array[Y] int<lower=1, upper=N> y_gaps;
  vector[N] x_seen;
  vector[N] y_seen;
}
parameters {
  real mean;
  real<lower=0> spread;
  vector[2] line;
  real<lower=0> sigma;
  vector[X] x_free;
  vector[Y] y_free;
}
model {
  vector[N] x = x_seen;
  vector[N] y = y_seen;
  x[x_gaps] = x_free;
  y[y_gaps] = y_free;
  mean ~ normal(0, 2);
  spread ~ normal(0, 2);
  line ~ normal(0, 5);
  sigma ~ normal(0, 2);
  x ~ normal(mean, spread);
  y ~ normal(line[1] + line[2] * x, sigma);
}

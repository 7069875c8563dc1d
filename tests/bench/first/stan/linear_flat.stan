data {
  int N;
  int D;
  matrix[N, D] X;
  vector[N] y;
}
parameters {
  vector[D] beta;
  real<lower=0> sigma;
}
model {
  y ~ normal(X * beta, sigma);
}

data {
  int N;
  int K;
  matrix[N, K] Q;
  matrix[K, K] R_inverse;
  vector[N] y;
}
parameters {
  vector[K] theta;
  real Intercept;
  real<lower=0> sigma;
}
transformed parameters {
  vector[K] b = R_inverse * theta;
}
model {
  b ~ normal(0, 1);
  Intercept ~ student_t(3, 8, 10);
  sigma ~ student_t(3, 0, 10);
  y ~ normal(Intercept + Q * theta, sigma);
}

data {
  int N;
  vector[N] y;
}
parameters {
  simplex[2] theta1;
  simplex[2] theta2;
  positive_ordered[2] mu;
}
model {
  array[N, 2] real gamma;
  mu[1] ~ normal(3, 1);
  mu[2] ~ normal(10, 1);
  for (t in 1:N) {
    for (k in 1:2) {
      real emission = normal_lpdf(y[t] | mu[k], 1);
      if (t == 1)
        gamma[t, k] = emission;
      else
        gamma[t, k] = emission + log_sum_exp(gamma[t - 1, 1] + log(theta1[k]),
                                             gamma[t - 1, 2] + log(theta2[k]));
    }
  }
  target += log_sum_exp(gamma[N]);
}

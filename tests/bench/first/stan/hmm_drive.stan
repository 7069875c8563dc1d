data {
  int N;
  vector[N] u;
  vector[N] v;
  array[2] vector[2] alpha;
}
parameters {
  simplex[2] theta1;
  simplex[2] theta2;
  positive_ordered[2] phi;
  positive_ordered[2] lambda;
}
model {
  array[N, 2] real gamma;
  theta1 ~ dirichlet(alpha[1]);
  theta2 ~ dirichlet(alpha[2]);
  phi[1] ~ normal(0, 1);
  phi[2] ~ normal(3, 1);
  lambda[1] ~ normal(0, 1);
  lambda[2] ~ normal(3, 1);
  for (t in 1:N) {
    for (k in 1:2) {
      real emission = exponential_lpdf(u[t] | phi[k]) + exponential_lpdf(v[t] | lambda[k]);
      if (t == 1)
        gamma[t, k] = emission;
      else
        gamma[t, k] = emission + log_sum_exp(gamma[t - 1, 1] + log(theta1[k]),
                                             gamma[t - 1, 2] + log(theta2[k]));
    }
  }
  target += log_sum_exp(gamma[N]);
}

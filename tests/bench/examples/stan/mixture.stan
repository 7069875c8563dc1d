data {
  int<lower=1> N;
  vector[N] y;
}
parameters {
  simplex[3] weight;
  ordered[3] mean;
  real<lower=0> scale;
}
model {
  vector[3] log_weight = log(weight);
  weight ~ dirichlet(rep_vector(1, 3));
  mean ~ normal(25, 10);
  scale ~ normal(0, 5);
  for (n in 1 : N) {
    vector[3] lps = log_weight;
    for (k in 1 : 3) {
      lps[k] += normal_lpdf(y[n] | mean[k], scale);
    }
    target += log_sum_exp(lps);
  }
}

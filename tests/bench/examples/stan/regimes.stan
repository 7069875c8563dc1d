data {
  int<lower=1> N;
  vector[N] y;
}
parameters {
  vector<lower=0, upper=1>[2] stay;
  positive_ordered[2] scale;
}
model {
  vector[2] log_stay = log(stay);
  vector[2] log_leave = log1m(stay);
  vector[2] before = rep_vector(-log(2), 2);
  stay ~ beta(9, 1);
  scale ~ normal(0, 5);
  for (n in 1 : N) {
    real calm = log_sum_exp(before[1] + log_stay[1], before[2] + log_leave[2]);
    real stormy = log_sum_exp(before[1] + log_leave[1], before[2] + log_stay[2]);
    before[1] = calm + normal_lpdf(y[n] | 0, scale[1]);
    before[2] = stormy + normal_lpdf(y[n] | 0, scale[2]);
  }
  target += log_sum_exp(before);
}

data {
  int<lower=1> N;
  array[N] int<lower=1, upper=2> kind;
  vector[N] people;
  array[N] int<lower=0> y;
}
parameters {
  vector[2] odds;
  real intercept;
  real slope;
}
model {
  vector[N] eta = intercept + slope * people;
  vector[2] log_fishing = log_inv_logit(odds);
  vector[2] log_none = log1m_inv_logit(odds);
  odds ~ normal(0, 1.5);
  intercept ~ normal(0, 1);
  slope ~ normal(0, 1);
  for (n in 1 : N) {
    if (y[n] == 0) {
      target += log_sum_exp(log_none[kind[n]], log_fishing[kind[n]] - exp(eta[n]));
    } else {
      target += log_fishing[kind[n]] + poisson_log_lpmf(y[n] | eta[n]);
    }
  }
}

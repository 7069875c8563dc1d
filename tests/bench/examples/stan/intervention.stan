data {
  int<lower=1> N;
  array[N] int<lower=0, upper=1> stone;
  array[N] int<lower=0, upper=1> treatment;
  array[N] int<lower=0, upper=1> recovered;
}
transformed data {
  array[N] int kind;
  array[N] int cell;
  for (n in 1 : N) {
    kind[n] = stone[n] + 1;
    cell[n] = 2 * stone[n] + treatment[n] + 1;
  }
}
parameters {
  real<lower=0, upper=1> share_large;
  vector<lower=0, upper=1>[2] policy;
  vector<lower=0, upper=1>[4] rate;
}
model {
  stone ~ bernoulli(share_large);
  treatment ~ bernoulli(policy[kind]);
  recovered ~ bernoulli(rate[cell]);
}

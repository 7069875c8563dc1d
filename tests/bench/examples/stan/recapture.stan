data {
  int<lower=2> T;
  int<lower=1> N;
  int<lower=0> M;
  array[M] int<lower=1, upper=T - 1> interval;
  array[M] int<lower=0, upper=1> seen;
  array[N] int<lower=1, upper=T> last;
}
parameters {
  vector<lower=0, upper=1>[T - 1] phi;
  real<lower=0, upper=1> p;
}
model {
  vector[T] chi; // that a bird alive in a year is not seen after it
  chi[T] = 1;
  for (k in 1 : (T - 1)) {
    int t = T - k;
    chi[t] = 1 - phi[t] + phi[t] * (1 - p) * chi[t + 1];
  }
  target += sum(log(phi)[interval]);
  seen ~ bernoulli(p);
  target += sum(log(chi)[last]);
}

data {
  int<lower=1> N;
  int<lower=1> M;
  vector[N] x;
  real<lower=0> L;
  matrix[N, 6] waves;
  array[N] int<lower=0> y;
}
transformed data {
  vector[M] frequency = linspaced_vector(M, 1, M) * pi() / (2 * L);
  matrix[N, M] basis = sin((x + L) * frequency') / sqrt(L);
}
parameters {
  real<lower=0> height;
  real<lower=0> length;
  real level;
  vector[M] z;
  vector[6] season;
  real<lower=0> alpha;
}
model {
  vector[M] spectrum = height * sqrt(sqrt(2 * pi()) * length)
                       * exp(-0.25 * square(length * frequency));
  height ~ normal(0, 0.5);
  length ~ inv_gamma(6, 250);
  level ~ normal(2, 1);
  z ~ normal(0, 1);
  season ~ normal(0, 0.3);
  alpha ~ exponential(0.1);
  y ~ neg_binomial_2_log(level + basis * (spectrum .* z) + waves * season, alpha);
}

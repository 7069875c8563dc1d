data {
  int<lower=1> N;
  vector[N] y;
  array[N] int<lower=0, upper=1> seen;
}
transformed data {
  matrix[4, 4] move = [[1, 0, 0, 0], [0, -1, -1, -1], [0, 1, 0, 0], [0, 0, 1, 0]];
  vector[4] z = [1, 1, 0, 0]';
}
parameters {
  real<lower=0> sigma_level;
  real<lower=0> sigma_season;
  real<lower=0> sigma_obs;
}
model {
  vector[4] a = [20, 0, 0, 0]';
  matrix[4, 4] p = diag_matrix(rep_vector(100, 4));
  vector[4] noise = [square(sigma_level), square(sigma_season), 0, 0]';
  sigma_level ~ normal(0, 1);
  sigma_season ~ normal(0, 1);
  sigma_obs ~ normal(0, 1);
  for (n in 1 : N) {
    if (seen[n]) {
      vector[4] pz = p * z;
      real variance = dot_product(z, pz) + square(sigma_obs);
      real error = y[n] - dot_product(z, a);
      target += normal_lpdf(error | 0, sqrt(variance));
      a += pz * (error / variance);
      p -= pz * pz' / variance;
    }
    a = move * a;
    p = add_diag(quad_form(p, move'), noise);
  }
}

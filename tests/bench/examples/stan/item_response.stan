data {
  int<lower=0> J;
  int<lower=0> I;
  array[J, I] int<lower=0, upper=1> y;
}
parameters {
  vector[J] ability;
  real<lower=0> spread;
  vector[I] difficulty;
  vector<lower=0>[I] discrimination;
}
model {
  ability ~ normal(0, 1);
  spread ~ normal(0, 2);
  difficulty ~ normal(0, spread);
  discrimination ~ lognormal(0, 0.5);
  for (j in 1 : J) {
    y[j] ~ bernoulli_logit(discrimination .* (ability[j] - difficulty));
  }
}

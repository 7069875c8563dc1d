data {
  int T;
  int K;
}
parameters {
  vector[K] initial;
  matrix[K, K] moves;
  matrix[T, K] e;
}
model {
  target += hmm_marginal(e', moves, initial);
}

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
  vector[K] before = log(initial) + e[1]';
  matrix[K, K] logs = log(moves);
  for (t in 2:T) {
    vector[K] after;
    for (j in 1:K)
      after[j] = log_sum_exp(before + logs[, j]) + e[t, j];
    before = after;
  }
  target += log_sum_exp(before);
}

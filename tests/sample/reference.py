"""A whole chain in plain Python, written from the papers, to compare the native one with.

Recursive trees (Hoffman and Gelman 2014, with the multinomial weights and the biased progress of
Betancourt 2017, appendix A), weights as logarithms, Stan's two further checks across a seam, dual
averaging, windows; nothing is shared with the native code but the order in which a chain asks for
its random numbers. Joins happen in the order of the recursion, and each takes one uniform.
"""

import math
from itertools import count

import numpy as np

MASK = 0xFFFFFFFF
SAMPLER = 0x6E757473
TEMPERING_THRESHOLD = 1e8
TEMPERING_THRESHOLD_DRAWS = 1e4
NEGLIGIBLE_FORCE = 1.0
TAIL, AREA = 3.6541528853610088, 0.00492867323397465524


def philox(counter, key):
    """Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011): four words of four, under two."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        left, right = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (right >> 32) ^ b ^ k0, right & MASK, (left >> 32) ^ d ^ k1, left & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return a, b, c, d


def block(key, i, purpose):
    return philox((i & MASK, i >> 32, 0, purpose), (key & MASK, key >> 32))


def fold(key, data):
    words = block(key, data, 2)
    return words[1] << 32 | words[0]


def unit(high, low):
    return ((high << 20 | low >> 12) + 0.5) * 2.0**-52


def ziggurat():
    """Right edges of 256 strips of one area below exp(-x^2/2), the lowest one with the tail."""
    edges = [AREA / math.exp(-0.5 * TAIL**2), TAIL]
    while len(edges) < 256:
        edges.append(math.sqrt(-2.0 * math.log(AREA / edges[-1] + math.exp(-0.5 * edges[-1] ** 2))))
    return [*edges, 0.0]


EDGES = ziggurat()


class Stream:
    """The random numbers of a chain."""

    def __init__(self, seed, chain, purpose=0):
        self.key = fold(fold(fold(seed, SAMPLER), chain), purpose)
        self.numbers = count()
        self.spare = None

    def words(self):
        return block(self.key, next(self.numbers), 0)

    def uniform(self):
        if self.spare is None:
            a, b, c, d = self.words()
            self.spare = unit(c, d)
            return unit(a, b)
        spare, self.spare = self.spare, None
        return spare

    def normals(self, n):
        blocks = [self.words() for _ in range((n + 3) // 4 * 2)]
        words = [w for a, b, c, d in blocks for w in (b << 32 | a, d << 32 | c)]
        return np.array([self.normal(word) for word in words])[:n]

    def normal(self, word):
        while True:
            strip = word & 255
            signed = word - (1 << 64) if word >> 63 else word
            share = (signed >> 10) * 2.0**-53
            x = share * EDGES[strip]
            if abs(x) < EDGES[strip + 1]:
                return x
            if strip == 0:
                return math.copysign(self.tail(), share)
            low, high = (math.exp(-0.5 * EDGES[k] ** 2) for k in (strip, strip + 1))
            if low + self.uniform() * (high - low) < math.exp(-0.5 * x * x):
                return x
            a, b, _, _ = self.words()
            word = b << 32 | a

    def tail(self):
        while True:
            x = -math.log(self.uniform()) / TAIL
            y = -math.log(self.uniform())
            if 2.0 * y >= x * x:
                return TAIL + x


class Point:
    """A state; `inverse_temperature` multiplies the log density."""

    def __init__(self, chain, q, p=None, index=0):
        self.q, self.p, self.index = q, p, index
        logp, grad = chain.density(q)
        self.logp, self.grad = logp * chain.inverse_temperature, grad * chain.inverse_temperature
        if p is not None:
            self.refresh(chain, p)

    def refresh(self, chain, p):
        self.p = p
        self.v = chain.w * p
        self.energy = 0.5 * float(p @ self.v) - self.logp
        if not math.isfinite(self.energy):
            self.energy = math.inf
        return self

    def step(self, chain, step):
        p = self.p + 0.5 * step * self.grad
        index = self.index + (1 if step > 0.0 else -1)
        end = Point(chain, self.q + step * (chain.w * p), index=index)
        return end.refresh(chain, p + 0.5 * step * end.grad)


class Tree:
    """`first` and `last` in the order of walking; the sum of momenta; log weight; the sample."""

    def __init__(self, first, last, momenta, weight, sample):
        self.first, self.last, self.momenta = first, last, momenta
        self.weight, self.sample = weight, sample


def moving(left, right, momenta):
    return left.v @ momenta > 0.0 and right.v @ momenta > 0.0


def log_add(a, b):
    return float(np.logaddexp(a, b))


class Chain:
    """One chain; `density` gives (logp, gradient). Records are dicts."""

    max_error = 1000.0

    def __init__(
        self, density, start, *, seed, chain, max_depth=10, target=0.8, metric="diag_grad"
    ):
        self.density, self.dim = density, len(start)
        self.stream = Stream(seed, chain)
        self.max_depth, self.target, self.metric = max_depth, target, metric
        self.w, self.inverse_temperature = np.ones(self.dim), 1.0
        self.current = Point(self, np.array(start, float))

    # The transition.

    def transition(self, step, depth_limit):
        z = self.current.refresh(self, self.stream.normals(self.dim) / np.sqrt(self.w))
        self.start, z.index = z.energy, 0
        self.steps, self.acceptance, self.outcome = 0, 0.0, "full"
        self.worst, self.before = 0.0, None
        whole, heading, depth = Tree(z, z, z.p, 0.0, z), 1.0, 0
        while depth < depth_limit:
            direction = 1.0 if self.stream.uniform() < 0.5 else -1.0
            if direction != heading:
                whole.first, whole.last, heading = whole.last, whole.first, direction
            branch = self.grow(whole.last, direction * step, depth)
            depth += 1
            if branch is None:
                break
            progress = min(1.0, math.exp(min(0.0, branch.weight - whole.weight)))
            whole, good = self.join(whole, branch, progress, depth - 1)
            force_vanished = (
                self.inverse_temperature < 1.0 and np.abs(whole.last.grad).max() < NEGLIGIBLE_FORCE
            )
            if not good or force_vanished:
                self.outcome = "turned"
                break
        self.current = whole.sample
        return {
            "lp": self.current.logp / self.inverse_temperature,
            "n_steps": self.steps, "tree_depth": depth,
            "acceptance_rate": self.acceptance / self.steps, "step_size": step,
            "diverging": self.outcome == "diverged", "energy": self.current.energy,
            "reached_max_treedepth": self.outcome == "full",
            "energy_error": self.current.energy - self.start, "max_energy_error": self.worst,
            "index_in_trajectory": self.current.index, "divergence_start": self.before,
        }  # fmt: skip

    def grow(self, edge, step, depth):
        if depth == 0:
            z = edge.step(self, step)
            error = z.energy - self.start
            self.steps += 1
            self.acceptance += min(1.0, math.exp(-max(error, 0.0)))
            self.worst = max(self.worst, error, key=abs)
            if not error <= self.max_error:
                self.outcome, self.before = "diverged", edge.q
                return None
            return Tree(z, z, z.p, -error, z)
        left = self.grow(edge, step, depth - 1)
        right = None if left is None else self.grow(left.last, step, depth - 1)
        if right is None:
            return None
        share = math.exp(right.weight - log_add(left.weight, right.weight))
        tree, good = self.join(left, right, share, depth - 1)
        if not good:
            self.outcome = "turned"
        return tree if good else None

    def join(self, left, right, chance, height):
        sample = right.sample if self.stream.uniform() < chance else left.sample
        momenta = left.momenta + right.momenta
        good = moving(left.first, right.last, momenta)
        if good and height > 0:
            good = moving(left.first, right.first, left.momenta + right.first.p) and moving(
                left.last, right.last, right.momenta + left.last.p
            )
        weight = log_add(left.weight, right.weight)
        return Tree(left.first, right.last, momenta, weight, sample), good

    # The step size.

    def search(self, step):
        growing = None
        while True:
            z = self.current.refresh(self, self.stream.normals(self.dim) / np.sqrt(self.w))
            good = z.energy - z.step(self, step).energy > math.log(0.8)
            if growing is None:
                growing = good
            elif good != growing:
                return step
            step *= 2.0 if growing else 0.5

    def restart(self, step):
        """Dual averaging of Hoffman and Gelman (2014), section 3.2.1, in their notation."""
        self.mu, self.h, self.log_bar, self.m = math.log(10.0 * step), 0.0, 0.0, 0

    def adapt_step_size(self, acceptance):
        gamma, t0, kappa = 0.05, 10.0, 0.75
        self.m += 1
        m = self.m
        self.h = (1 - 1 / (m + t0)) * self.h + (self.target - acceptance) / (m + t0)
        log_step = self.mu - math.sqrt(m) / gamma * self.h
        self.log_bar = m**-kappa * log_step + (1 - m**-kappa) * self.log_bar
        return math.exp(log_step)

    # The metric, from lists of draws and gradients.

    def gradient_metric(self, least):
        size = np.abs(self.current.grad)
        self.w = np.where(size > least, 1.0 / np.maximum(size, least), self.w)

    def adapt_metric(self, draws, grads):
        n = len(draws)
        if n < 3:
            return
        var, slopes = np.var(draws, axis=0, ddof=1), np.var(grads, axis=0, ddof=1)
        if self.metric == "diag":
            self.w = (n * var + 5 * 1e-3) / (n + 5)
        else:
            a = (n + 25) / (n + 50)
            known = var * (n - 1) > 1e-27 * n * np.mean(draws, axis=0) ** 2
            with np.errstate(all="ignore"):
                entry = var**a / slopes ** (1 - a)
            self.w = np.where(known & np.isfinite(entry) & (entry > 0.0), entry, self.w)

    # Heat.

    def suitable_temperature(self):
        logp, grad = (
            self.current.logp / self.inverse_temperature,
            self.current.grad / self.inverse_temperature,
        )
        return max(np.abs(grad).max() / 100.0, 1e-8 * abs(logp))

    def set_temperature(self, temperature):
        self.inverse_temperature = 1.0 / temperature
        self.current = Point(self, self.current.q)

    def note_curvature(self):
        """log |change of q / change of gradient| of the last transition, averaged by halves."""
        q, grad = self.current.q, self.current.grad / self.inverse_temperature
        moved, bent = np.abs(q - self.seen[0]), np.abs(grad - self.seen[1])
        for i in range(self.dim):
            if moved[i] > 1e-13 * abs(q[i]) and bent[i] > 1e-13 * abs(grad[i]):
                ratio = math.log(moved[i]) - math.log(bent[i])
                self.curvature[i] = 0.5 * (self.curvature[i] + ratio)
        self.seen = q, grad

    def curvature_metric(self, largest):
        self.w = np.clip(np.exp(self.curvature) / self.inverse_temperature, 1e-60, largest)

    def anneal(self, record, step, i, tune):
        """The next step size. By a unit metric for at most a sixth of the warm-up, then by
        curvatures for at most a quarter, if there is still a long way to go."""
        self.note_curvature()
        temperature, last = 1.0 / self.inverse_temperature, tune // 4
        if record["acceptance_rate"] > 0.2:
            temperature = min(temperature / 2.0, self.suitable_temperature())
        first = self.metric == "diag_grad" and not self.by_curvature
        if temperature > 1.0 and i + 1 < (last - last // 3 if first else last):
            self.set_temperature(temperature)
            if self.by_curvature:
                self.curvature_metric(1.0)
            return step
        temperature = self.suitable_temperature()
        if first and temperature > TEMPERING_THRESHOLD and i + 1 < last:
            self.by_curvature = True
            self.set_temperature(temperature)
            self.curvature_metric(1.0)
            step = self.search(1.0)
        else:
            self.set_temperature(1.0)
            if first:
                self.gradient_metric(1.0)
                step *= math.sqrt(max(1.0, np.abs(self.current.grad).max()))
            elif self.by_curvature:
                self.curvature_metric(1e60)
        self.restart(step)
        return step

    # The chain.

    def run(self, tune, total, early_depth=8):
        """(draws, records) of all iterations."""
        temperature = self.suitable_temperature()
        gradients = self.metric == "diag_grad"
        limit = TEMPERING_THRESHOLD if gradients else TEMPERING_THRESHOLD_DRAWS
        if temperature > limit and tune >= 4:
            size = np.abs(self.current.grad)
            self.seen = self.current.q, self.current.grad
            self.curvature = -np.log(np.where(size > 0.0, size, 1.0))
            self.by_curvature = False
            self.set_temperature(temperature)
        elif self.metric == "diag_grad":
            self.gradient_metric(1e-10)
        step = self.search(1.0)
        self.restart(step)
        draws, records, seen = [], [], []
        older = younger = 0
        learning, last = windows(tune)
        for i in range(total):
            depth = min(early_depth, self.max_depth) if i < tune // 10 else self.max_depth
            records.append(self.transition(step, depth))
            draws.append(self.current.q)
            if i < tune:
                step = self.adapt_step_size(records[-1]["acceptance_rate"])
                if self.inverse_temperature < 1.0:
                    step = self.anneal(records[-1], step, i, tune)
                    older = younger = len(seen)
                elif i < learning:
                    seen.append((self.current.q, self.current.grad))
                    if i in last["refresh"]:
                        window = seen[older:]
                        self.adapt_metric([q for q, _ in window], [g for _, g in window])
                    if i + 1 in last["switch"]:
                        older, younger = younger, len(seen)
                if i == tune - 1:
                    step = math.exp(self.log_bar)
        return np.array(draws), records


def windows(tune):
    """(iterations that adapt the metric, {"refresh": after which it is set, "switch": ends}): the
    metric is set after every twentieth more draws, and at 10, 20, 40, ... the older half goes."""
    learning = tune - max(int(0.15 * tune), min(50, tune // 4))
    switch = {10 * 2**k for k in range(40) if 10 * 2**k <= learning}
    refresh, i = {s - 1 for s in switch} | {learning - 1}, 0
    while i < learning:
        refresh.add(i)
        i += max(1, i // 20)
    return learning, {"refresh": refresh, "switch": switch}

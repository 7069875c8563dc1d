"""A small network trained by gradient descent with momentum: shared variables and updates.

Three interleaved spirals, one hidden layer. Run it with `python -m examples.mlp`.
"""

import numpy as np

import probtensor as pt

CLASSES, HIDDEN = 3, 64


def spirals(rows=600, seed=0):
    """(points in the plane, one-hot class of each)."""
    rng = np.random.default_rng(seed)
    label = np.arange(rows) % CLASSES
    radius = rng.random(rows)
    angle = 4 * radius + 2 * np.pi / CLASSES * label + rng.normal(0, 0.15, rows)
    points = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return 2 * points, np.eye(CLASSES)[label]


def build(rate=0.2, momentum=0.9, seed=0):
    """(train, predict): one step of descent returning the loss; class scores of new points."""
    rng = np.random.default_rng(seed)
    w1 = pt.shared(rng.normal(0, 1, (2, HIDDEN)), name="w1")
    b1 = pt.shared(np.zeros(HIDDEN), name="b1")
    w2 = pt.shared(rng.normal(0, HIDDEN**-0.5, (HIDDEN, CLASSES)), name="w2")
    b2 = pt.shared(np.zeros(CLASSES), name="b2")
    weights = [w1, b1, w2, b2]

    x, target = pt.matrix("x"), pt.matrix("target")
    scores = pt.tanh(x @ w1 + b1) @ w2 + b2
    loss = pt.mean(pt.logsumexp(scores, axis=1) - pt.sum(target * scores, axis=1))

    updates = {}
    for weight, slope in zip(weights, pt.grad(loss, weights), strict=True):
        velocity = pt.shared(np.zeros_like(weight.get_value()), name=f"velocity_{weight.name}")
        updates[velocity] = momentum * velocity - rate * slope
        updates[weight] = weight + updates[velocity]
    train = pt.function([x, target], loss, updates=updates)
    return train, pt.function([x], scores)


def main(steps=1500):
    """Train; print loss and accuracy, and return the accuracy on fresh points."""
    train, predict = build()
    x, target = spirals()
    for step in range(steps):
        loss = train(x, target)
        if step % max(1, steps // 5) == 0:
            print(f"step {step:5d}  loss {float(loss):.4f}")
    x, target = spirals(seed=1)
    accuracy = np.mean(predict(x).argmax(1) == target.argmax(1))
    print(f"accuracy on fresh points: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()

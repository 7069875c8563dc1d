"""A small convolutional network trained by Adam: shared variables and updates.

Digits are drawn here, shifted and in noise. Run it with `python -m examples.digits`.
"""

import numpy as np

import probtensor as pt
from probtensor import nn

# Which of the seven bars of a display are lit: top, left and right above, middle, left and right
# below, bottom.
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010",
       "1111111", "1111011")  # fmt: skip
BARS = ((0, 1, 1, 4), (1, 0, 3, 1), (1, 4, 3, 1), (4, 1, 1, 4), (5, 0, 3, 1), (5, 4, 3, 1),
        (8, 1, 1, 4))  # fmt: skip
SIZE = 16


def digits(count, seed=0):
    """(images of one channel, the digit on each)."""
    rng = np.random.default_rng(seed)
    shapes = np.zeros((10, 9, 5), "float32")
    for shape, lit in zip(shapes, LIT, strict=True):
        for (top, left, height, width), is_lit in zip(BARS, lit, strict=True):
            shape[top : top + height, left : left + width] += is_lit == "1"
    label = rng.integers(0, 10, count)
    images = rng.normal(0, 0.2, (count, 1, SIZE, SIZE)).astype("float32")
    for image, digit in zip(images, label, strict=True):
        top, left = rng.integers(2, 6, 2) + (0, 2)
        image[0, top : top + 9, left : left + 5] += shapes[digit] * rng.uniform(0.7, 1.3)
    return images, label


def network(seed=0):
    """(weights, function from images to scores): two convolutions with pools, and a layer."""
    rng = np.random.default_rng(seed)

    def weight(name, *shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return pt.shared(rng.normal(0, scale, shape).astype("float32"), name=name)

    def bias(name, size):
        return pt.shared(np.zeros(size, "float32"), name=name)

    w1, b1 = weight("w1", 8, 1, 3, 3), bias("b1", 8)
    w2, b2 = weight("w2", 16, 8, 3, 3), bias("b2", 16)
    w3, b3 = weight("w3", 10, 16 * (SIZE // 4) ** 2), bias("b3", 10)

    def scores(images):
        h = nn.max_pool2d(nn.relu(nn.conv2d(images, w1, b1, padding="same")), 2)
        h = nn.max_pool2d(nn.relu(nn.conv2d(h, w2, b2, padding="same")), 2)
        return pt.reshape(h, (h.shape[0], -1)) @ w3.T + b3

    return [w1, b1, w2, b2, w3, b3], scores


def adam(loss, weights, rate=0.008, fast=0.9, slow=0.999):
    """The updates of a step (Kingma and Ba, 2015, arXiv:1412.6980)."""
    step = pt.shared(np.float32(0), name="step")
    updates = {step: step + 1}
    size = rate * pt.sqrt(1 - slow ** updates[step]) / (1 - fast ** updates[step])
    for w, slope in zip(weights, pt.grad(loss, weights), strict=True):
        mean = pt.shared(np.zeros_like(w.get_value()), name=f"mean_{w.name}")
        square = pt.shared(np.zeros_like(w.get_value()), name=f"square_{w.name}")
        updates[mean] = fast * mean + (1 - fast) * slope
        updates[square] = slow * square + (1 - slow) * slope**2
        updates[w] = w - size * updates[mean] / (pt.sqrt(updates[square]) + 1e-8)
    return updates


def build():
    """(train, predict): one step returning the loss; scores of new images."""
    weights, scores = network()
    images = pt.tensor("images", dtype="float32", shape=(None, 1, SIZE, SIZE))
    label = pt.lvector("label")
    loss = nn.cross_entropy(scores(images), label)
    train = pt.function([images, label], loss, updates=adam(loss, weights))
    return train, pt.function([images], scores(images))


def main(steps=300, batch=64):
    """Train; print loss and accuracy, and return the accuracy on fresh digits."""
    train, predict = build()
    images, label = digits(4000)
    rng = np.random.default_rng(1)
    for step in range(steps):
        rows = rng.integers(0, len(label), batch)
        loss = train(images[rows], label[rows])
        if step % max(1, steps // 5) == 0:
            print(f"step {step:5d}  loss {float(loss):.4f}")
    images, label = digits(1000, seed=1)
    accuracy = np.mean(predict(images).argmax(1) == label)
    print(f"accuracy on fresh digits: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()

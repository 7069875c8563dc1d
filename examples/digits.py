"""A small convolutional network trained by Adam: shared variables and updates.

Digits are drawn here, shifted and in noise. Run it with `python -m examples.digits`.
"""

import numpy as np

import probtensor as pt
from probtensor import nn

# The bars of a display that are lit, and where they are: top, left, height, width.
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010",
       "1111111", "1111011")  # fmt: skip
BARS = ((0, 1, 1, 4), (1, 0, 3, 1), (1, 4, 3, 1), (4, 1, 1, 4), (5, 0, 3, 1), (5, 4, 3, 1),
        (8, 1, 1, 4))  # fmt: skip
SIZE = 16


def digits(count, seed=0):
    """(images of one channel, the digit on each)."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 10, count)
    images = rng.normal(0, 0.2, (count, 1, SIZE, SIZE)).astype("float32")
    for image, digit in zip(images[:, 0], label, strict=True):
        down, right = rng.integers(2, 6, 2) + (0, 2)
        for (top, left, height, width), lit in zip(BARS, LIT[digit], strict=True):
            bar = image[down + top :, right + left :][:height, :width]
            bar += int(lit)
    return images, label


def build(rate=0.008, seed=0):
    """(train, predict): one step of descent returning the loss; class scores of new images."""
    rng, weights = np.random.default_rng(seed), []

    def layer(*shape):
        for value in (rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape), np.zeros(shape[0])):
            weights.append(pt.shared(value.astype("float32"), name=f"w{len(weights)}"))
        return weights[-2:]

    images = pt.tensor("images", dtype="float32", shape=(None, 1, SIZE, SIZE))
    label = pt.lvector("label")
    h = nn.max_pool2d(nn.relu(nn.conv2d(images, *layer(8, 1, 3, 3), padding="same")), 2)
    h = nn.max_pool2d(nn.relu(nn.conv2d(h, *layer(16, 8, 3, 3), padding="same")), 2)
    w, b = layer(10, 16 * (SIZE // 4) ** 2)
    scores = pt.reshape(h, (h.shape[0], -1)) @ w.T + b
    loss = nn.cross_entropy(scores, label)
    updates = nn.adam(loss, weights, learning_rate=rate)
    return pt.function([images, label], loss, updates=updates), pt.function([images], scores)


def main(steps=300, batch=64):
    """Train; print loss and accuracy, and return the accuracy on fresh digits."""
    (train, predict), (images, label) = build(), digits(4000)
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

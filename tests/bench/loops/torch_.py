"""The recurrent network in PyTorch."""

import torch

torch.set_num_threads(1)


def gru(case):
    features, units = case.x.shape[-1], case.units
    network = torch.nn.GRU(features, units)
    # PyTorch keeps the transposes, and has the same order of gates and the same biases.
    with torch.no_grad():
        for name, value in (("weight_ih_l0", case.w.T), ("weight_hh_l0", case.u.T),
                            ("bias_ih_l0", case.b), ("bias_hh_l0", case.c)):  # fmt: skip
            getattr(network, name).copy_(torch.tensor(value))
    x, y = torch.tensor(case.x), torch.tensor(case.y)
    # A step of size 0 costs the same and keeps the value.
    descent = torch.optim.SGD(network.parameters(), lr=0.0)

    def train():
        descent.zero_grad()
        _, last = network(x)
        loss = ((last[0] - y) ** 2).mean()
        loss.backward()
        descent.step()
        return (loss.detach(),)

    return train


MODELS = {"gru": gru}

"""What is done with whole models: change them, reparametrise them, show them, check them.

All of it is made of replacements of nodes and of what a posterior knows about itself, so nothing
below depends on this package; it is imported when one of its functions is first used.

    handlers.py       do, observe, replace: interventions, further data, other variables; batches
    reparametrize.py  coordinates relative to location and scale, chosen from short runs
"""

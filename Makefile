# Stepwise. `make help` lists the targets.

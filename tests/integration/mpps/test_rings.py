"""Systems that send on to each other in a ring: what a modality reports goes round once, whatever they call themselves."""

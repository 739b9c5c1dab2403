"""Memory in weights: what an adapter learns and from which examples, whether it may be used, when it is attached.

No tensors here: training and measuring are done by a local model (`models.local`).
"""

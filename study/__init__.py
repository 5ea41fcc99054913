"""The study: a fair search over balancers and hyperparameters, logged and compared."""

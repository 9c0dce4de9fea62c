"""Property models of CryoProtect: data, features, training, evaluation, export, registry and the server."""

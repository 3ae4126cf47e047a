"""Secrets, from where teams have them already.

providers   what a provider is, and those that the setting RUNFOLD_SECRETS names, in its order
environ     RUNFOLD_SECRET_<NAME>
mounted     a folder with a file for each secret, as Kubernetes and Docker mount them
keyrings    the system's keyring, by `keyring`
vault       HashiCorp Vault, KV version 2, by `hvac`
auditing    a read by a run becomes SecretRead: the name, the provider, whether there was one; never the value

A value is in no event, log line, repr or exception of Runfold. Packages add providers by the entry-point group
`runfold.secrets`: a callable that takes `providers.Place` and returns a `providers.Provider`.
"""

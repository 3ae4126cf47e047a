"""Models: named, versioned, made of files of a run or of the machine.

checking        what may be registered, asked for and changed; pure
registering     files and words -> ModelRegistered, and the version that the ledger gave
finding         one model, or a list of them, by the original's filters
downloading     a version's files, whole and compared with their digests
serving         deploy, package, profile: what registered providers do
resources       ResourceConfiguration
described       the properties of Model
served          its serving methods
payload         Model.serialize and deserialize
"""

package dial

// Public reports whether an address is on the public Internet.
var Public = public

// TestDocumentClient is DocumentClient with a resolver and a certificate authority.
var TestDocumentClient = documentClient

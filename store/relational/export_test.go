package relational

// The statements whose plans are looked at.
const (
	TokenQuery           = tokenQuery
	CountClients         = countClients
	UnusedHandles        = unusedHandles
	ListBlobs            = listBlobs
	DeleteExpiredTickets = deleteExpiredTickets
)

var (
	KnownHandles  = knownHandles
	DeleteHandles = deleteHandles
	DeleteBlobs   = deleteBlobs
)

package directory

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// userKinds are the properties that $filter and $orderby may name here.
var userKinds = map[string]odata.Kind{
	"id": odata.ID, "displayName": odata.String, "givenName": odata.String, "surname": odata.String, "mail": odata.String,
	"userPrincipalName": odata.String, "mailNickname": odata.String, "jobTitle": odata.String, "department": odata.String,
	"officeLocation": odata.String, "companyName": odata.String, "userType": odata.String, "accountEnabled": odata.Bool,
}

func (d *Directory) listUsers(c *service.Call) (*service.Answer, error) {
	names, err := c.Options.Selected("user", wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty)
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, "mailboxSettings") || c.Options.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "Mailbox settings and $expand are not supported on a list of users.")
	}
	found, err := d.findUsers(c)
	if err != nil {
		return nil, err
	}
	answer := c.Page(c.Context("users"), len(found), func(i int) any { return d.user(c, &found[i], names) })
	if c.Options.Count() {
		answer.Value["@odata.count"] = len(found)
	}
	return answer, nil
}

func (d *Directory) countUsers(c *service.Call) (*service.Answer, error) {
	if !eventual(c) {
		return nil, unsupportedQuery()
	}
	found, err := d.findUsers(c)
	if err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusOK, Raw: []byte(strconv.Itoa(len(found))), ContentType: "text/plain"}, nil
}

// everybody is who has an account, shared mailboxes included.
func (d *Directory) everybody() []dataset.Person {
	people := slices.Clone(d.tenant.People)
	for _, box := range d.tenant.Shared {
		people = append(people, box.Person)
	}
	return people
}

func (d *Directory) findUsers(c *service.Call) ([]dataset.Person, error) {
	if err := checkConsistency(c); err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("user", userKinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("user", userKinds)
	if err != nil {
		return nil, err
	}
	var alternatives [][]clause
	if c.Options.Has("$search") {
		if alternatives, err = parseSearch(c.Options.Value("$search")); err != nil {
			return nil, err
		}
	}
	found := slices.DeleteFunc(d.everybody(), func(p dataset.Person) bool {
		property := func(name string) any { return d.property(&p, name) }
		return filter != nil && !filter.Match(property) || alternatives != nil && !anyMatches(alternatives, property)
	})
	slices.SortStableFunc(found, func(a, b dataset.Person) int {
		order := query.Compare(keys, func(name string) any { return d.property(&a, name) }, func(name string) any { return d.property(&b, name) })
		return cmp.Or(order, cmp.Compare(a.DisplayName, b.DisplayName))
	})
	return found, nil
}

func anyMatches(alternatives [][]clause, property func(string) any) bool {
	return slices.ContainsFunc(alternatives, func(all []clause) bool {
		return !slices.ContainsFunc(all, func(one clause) bool {
			value, _ := property(one.property).(string)
			return !one.matches(value)
		})
	})
}

func eventual(c *service.Call) bool {
	return strings.EqualFold(c.Request.Header.Get("ConsistencyLevel"), "eventual")
}

func unsupportedQuery() error {
	return apierror.BadRequest("Request_UnsupportedQuery", "This query needs advanced query capabilities: send the header 'ConsistencyLevel: eventual'.")
}

// checkConsistency refuses what the directory answers only from its index
// (Graph, "Advanced query capabilities on Microsoft Entra ID objects").
func checkConsistency(c *service.Call) error {
	bare := outsideQuotes(c.Options.Value("$filter"))
	if strings.Contains(bare, "contains(") {
		return apierror.BadRequest("Request_UnsupportedQuery", "The function 'contains' is not supported in a filter of the directory.")
	}
	advanced := strings.Contains(bare, "endswith(") || strings.Contains(bare, " ne ") || strings.HasPrefix(bare, "not") || strings.Contains(bare, " not")
	advanced = advanced || c.Options.Has("$search") || c.Options.Count() || c.Options.Has("$filter") && c.Options.Has("$orderby")
	if advanced && !eventual(c) {
		return unsupportedQuery()
	}
	return nil
}

// outsideQuotes drops the string literals of a filter.
func outsideQuotes(filter string) string {
	var b strings.Builder
	for i, part := range strings.Split(filter, "'") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return strings.TrimSpace(b.String())
}

func (d *Directory) getManager(c *service.Call) (*service.Answer, error) {
	manager, ok := d.tenant.Manager(c.Owner.ID)
	if !ok {
		return nil, apierror.ResourceNotFound("manager")
	}
	names, err := c.Options.Selected("directoryObject", wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty)
	if err != nil {
		return nil, err
	}
	value := d.user(c, &manager, names)
	value["@odata.type"] = "#microsoft.graph.user"
	value["@odata.context"] = c.Context("directoryObjects") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (d *Directory) listReports(c *service.Call) (*service.Answer, error) {
	if c.Owner != c.Me && !seesAll(c) {
		return nil, apierror.InsufficientPrivileges()
	}
	names, err := c.Options.Selected("directoryObject", wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty)
	if err != nil {
		return nil, err
	}
	reports := d.tenant.Reports(c.Owner.ID)
	return c.Page(c.Context("directoryObjects"), len(reports), func(i int) any {
		value := d.user(c, &reports[i], names)
		value["@odata.type"] = "#microsoft.graph.user"
		return value
	}), nil
}

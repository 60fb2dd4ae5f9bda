package engine

import "context"

// Similar returns a page of the users most like the named one, by distance, then by id. page is taken into
// 1..[MaxSimilarPage].
func (e *Engine) Similar(ctx context.Context, name string, page int) (Answer[[]Neighbour], error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return Answer[[]Neighbour]{}, err
	}
	page = min(max(page, 1), MaxSimilarPage)
	near, more := e.index.Load().Nearest(u.Hash, u.ID, (page-1)*SimilarSize, page*SimilarSize)
	return Answer[[]Neighbour]{card(u), Page{page, more && page < MaxSimilarPage}, near}, nil
}

// Compare returns the other user as seen from the named one.
func (e *Engine) Compare(ctx context.Context, name, other string) (Answer[Neighbour], error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return Answer[Neighbour]{}, err
	}
	o, err := e.user(ctx, other)
	if err != nil {
		return Answer[Neighbour]{}, err
	}
	return Answer[Neighbour]{Requester: card(u), Data: Neighbour{card(o), Distance(u.Hash, o.Hash)}}, nil
}

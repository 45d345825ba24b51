// Scans that share a task, which loads a network once for all of them

// [[id: 'ad0', …], made/ad0], … as [made/ad0, …], in the order of their ids; what is no folder is left out
def folders(scans) {
    return scans
        .collect(flat: false, sort: { one, other -> one[0].id <=> other[0].id })
        .map { pairs -> pairs.findResults { _meta, folder -> folder ?: null } }
}

// With scans [[id: 'ad0', …], …] and groups of two: [ad0: ['ad0', 'ad1'], ad1: ['ad0', 'ad1'], ad2: ['ad2'], …]
def groupsOf(scans, size) {
    return scans.map { meta, _image, _mask -> meta.id }.toSortedList().map { ids ->
        ids.collate(size).collectMany { group -> group.collect { id -> [id, group] } }.collectEntries()
    }
}

// [[id: 'ad0', …], slices/ad0, …], … as [[[id: 'ad0', …], [id: 'ad1', …]], [slices/ad0, slices/ad1], …], …, each when it is whole
def grouped(scans, groups) {
    return scans
        .map { scan -> [scan] }
        .combine(groups.map { group -> [group] })
        .map { scan, group -> [groupKey(group[scan[0].id], group[scan[0].id].size()), scan] }
        .groupTuple(sort: { one, other -> one[0].id <=> other[0].id })
        .map { _ids, members -> members.transpose() }
}

// [[[id: 'ad0', …], [id: 'ad1', …]], [made/ad0, made/ad1]], … as [[id: 'ad0', …], made/ad0], …
def ungrouped(groups) {
    return groups.flatMap { metas, folders ->
        def byName = [folders].flatten().collectEntries { folder -> [folder.name, folder] }
        metas.collect { meta -> [meta, byName[meta.id]] }
    }
}

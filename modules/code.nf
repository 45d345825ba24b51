// Nextflow hashes a task's script, and that names a tool but not the library which the tool imports: these digests,
// an input of every process, make an edit of the library rerun the stages that use it, and only those. Words for people
// have no part in them; and scripts name tools in quotes, since Nextflow hashes all of a file of bin/ that a bare word names

// [check: [digest: 'd41d8c…', files: ['bin/check.py', 'bin/cli.py', 'bin/healthward/__init__.py', …]], slice: […], …]
def codeOfTools(project) {
    def tools = [
        'simulate', 'check', 'prepare', 'gate', 'slice', 'train', 'tune', 'choose', 'reconstruct', 'map', 'score', 'norm',
        'calibrate', 'aggregate', 'export_bids',
    ]
    def bin = project.resolve('bin')
    def digestOf = { path -> effective(path).md5() }.memoize()
    def usedBy = { source -> importsOf(plainOf(source), bin) + assetsOf(source) }.memoize()
    return tools.collectEntries { tool ->
        def files = withImports(bin.resolve("${tool}.py"), usedBy, [] as Set).sort()
        def digest = files.collect { path -> digestOf.call(path) }.join().md5()
        [tool, [digest: digest, files: files.collect { path -> project.relativize(path).toString() }]]
    }
}

// What of a file can change a result: of Python all but comments, blank lines, and what docstrings and help texts say
def effective(path) {
    if (!path.name.endsWith('.py')) {
        return path.bytes.md5()
    }
    def triple = /"""(?:[^"\\]|\\.|"(?!""))*+"""/
    def single = /"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'/
    def string = "(?:[a-zA-Z]{0,2}(?:${triple}|${single}))"
    def help = "(\\bhelp=)(?:(?:\\s|#[^\\n]*+)*+${string})++"
    def docstring = "(?:\\A|\\s*\\n)([ \\t]*+)[a-zA-Z]?${triple}(?=\\n)"
    def parts = "(?s)${help}|${docstring}|(${string})|\\s*+#[^\\n]*+|\\s+(?=\\n)"
    return path.text.replaceAll(parts) { _all, named, indent, other ->
        named ? "help=''" : indent == null ? other ?: '' : "\n${indent}''"
    }
}

// `seen`, `source` and every file of the project's own that it imports or reads, directly or not
def withImports(source, usedBy, seen) {
    if (source in seen || !source.isFile()) {
        return seen
    }
    return usedBy.call(source).inject(seen + [source]) { found, next -> withImports(next, usedBy, found) }
}

// Of whatever bytes, since weights are among the files
def plainOf(source) {
    return source.getText('ISO-8859-1')
}

// The files that the import statements of `text` may mean; some of them do not exist
def importsOf(text, bin) {
    def statement = /(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))/
    def names = text.findAll(statement) { _all, base, members, plain ->
        def imported = (members ?: plain).replaceAll(/#.*/, '').findAll(/[\w.]+/)
        base ? [base] + imported.collect { name -> "${base}.${name}" } : imported
    }
    return names.flatten().findAll { name -> name ==~ /(healthward|options|cli)(\..*)?/ }.collectMany { name ->
        def parts = name.tokenize('.')
        (1..parts.size()).collectMany { depth ->
            def stem = parts.take(depth).join('/')
            [bin.resolve("${stem}.py"), bin.resolve("${stem}/__init__.py")]
        }
    }
}

// What `source` names in quotes of the assets of its room, such as the report's template; some of them do not exist
def assetsOf(source) {
    def room = source.parent.fileName.toString() == 'assets' ? source.parent : source.resolveSibling('assets')
    return plainOf(source).findAll(/["']([\w.]+\.\w+)["']/) { _all, name -> room.resolve(name) }
}
